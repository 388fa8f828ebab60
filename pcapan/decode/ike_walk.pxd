# C types for ike_walk.py.
cimport cython

from pcapan.octets cimport cut, u16, u32, u64

cdef unsigned int _HEADER, _PAYLOADS, _LENGTH, _SA, _KE, _NONCE, _NOTIFY, _VENDOR, _SK, _SKF
cdef unsigned int _NATD_SOURCE, _NATD_DESTINATION, _INVALID_KE
cdef unsigned int _V1_SA, _V1_NONCE, _V1_NOTIFY, _V1_VENDOR, _V1_ENCRYPTED, _V1_LAST
cdef unsigned int _LONG, _SHORT, _HEADER_CUT, _TOO_MANY, _CHAIN_CUT, _PAYLOAD_LENGTH, _FRAGMENT, _SHORT_NOTIFY


@cython.final
cdef class IkeWalk:
    cdef readonly unsigned long long spi_i
    cdef readonly unsigned long long spi_r
    cdef readonly int next_payload
    cdef readonly int version
    cdef readonly int exchange
    cdef readonly int flags
    cdef readonly long long message_id
    cdef readonly long long length
    cdef unsigned char[::1] kinds
    cdef size_t payloads
    cdef unsigned short[::1] notify_kinds
    cdef unsigned long long[::1] notify_begins
    cdef unsigned long long[::1] notify_ends
    cdef size_t notifies
    cdef size_t natd_octets
    cdef size_t natd_hashes
    cdef unsigned long long[::1] vendor_begins
    cdef unsigned long long[::1] vendor_ends
    cdef size_t vendors
    cdef size_t sa_begin
    cdef size_t sa_end
    cdef readonly unsigned int ke_group
    cdef readonly unsigned int invalid_ke_group
    cdef readonly unsigned int nonce_length
    cdef readonly unsigned int encrypted_length
    cdef readonly unsigned int fragment_number
    cdef readonly unsigned int fragment_total
    cdef readonly bint complete
    cdef readonly unsigned int problem

    @cython.locals(length=cython.size_t, last=cython.size_t)
    cpdef bint read(
        self, const unsigned char[::1] data, size_t start, size_t end, size_t wire_end
    ) except -1 nogil

    @cython.locals(index=cython.size_t)
    cpdef list payload_types(self)

    @cython.locals(index=cython.size_t)
    cpdef list notify_types(self)

    @cython.locals(at=cython.size_t)
    cpdef list notify_data(self, const unsigned char[::1] data)

    @cython.locals(at=cython.size_t)
    cpdef list vendor_ids(self, const unsigned char[::1] data)

    cpdef bytes sa_body(self, const unsigned char[::1] data)

    cdef void _clear(self) noexcept nogil

    cdef void _note(self, unsigned int problem) noexcept nogil

    @cython.locals(kept=cython.size_t)
    cdef bint _cut_header(self, const unsigned char[::1] data, size_t start, size_t end) except -1 nogil

    @cython.locals(kind=cython.uint, length=cython.size_t, body=cython.size_t, stop=cython.size_t)
    cdef int _walk_v2(self, const unsigned char[::1] data, size_t position, size_t end) except -1 nogil

    cdef int _encrypted(
        self, const unsigned char[::1] data, size_t body, size_t stop, bint is_fragment
    ) except -1 nogil

    cdef int _payload(self, unsigned int kind) except -1 nogil

    cdef int _vendor(self, size_t body, size_t stop) except -1 nogil

    @cython.locals(kind=cython.uint, begin=cython.size_t)
    cdef int _notify(self, const unsigned char[::1] data, size_t body, size_t stop) except -1 nogil

    cdef int _said(self, unsigned int kind, size_t begin, size_t stop) except -1 nogil

    @cython.locals(kind=cython.uint, length=cython.size_t, body=cython.size_t, stop=cython.size_t)
    cdef int _walk_v1(self, const unsigned char[::1] data, size_t position, size_t end) except -1 nogil


@cython.locals(version=cython.uint, exchange=cython.uint, length=cython.uint)
cpdef bint looks_like_ike(const unsigned char[::1] data, size_t start, size_t end, bint exact) except -1 nogil
