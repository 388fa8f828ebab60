# C types for ike.py.
cimport cython

from pcapan.octets cimport cut, u16, u32, u64

cdef unsigned int _HEADER, _PAYLOADS, _LENGTH, _SA, _KE, _NONCE, _NOTIFY, _VENDOR, _SK, _SKF
cdef unsigned int _NATD_SOURCE, _NATD_DESTINATION, _INVALID_KE
cdef unsigned int _V1_SA, _V1_NONCE, _V1_NOTIFY, _V1_VENDOR, _V1_ENCRYPTED, _V1_LAST


@cython.final
cdef class IkeMessage:
    cdef public unsigned long long spi_i
    cdef public unsigned long long spi_r
    cdef public int next_payload
    cdef public int version
    cdef public int exchange
    cdef public int flags
    cdef public long long message_id
    cdef public long long length
    cdef public list payloads
    cdef public list notifies
    cdef public list notify_data
    cdef public list vendor_ids
    cdef public list natd_source
    cdef public list natd_destination
    cdef public bytes sa_body
    cdef public unsigned int ke_group
    cdef public unsigned int invalid_ke_group
    cdef public unsigned int nonce_length
    cdef public unsigned int encrypted_length
    cdef public unsigned int fragment_number
    cdef public unsigned int fragment_total
    cdef public bint complete
    cdef public str problem


@cython.locals(version=cython.uint, exchange=cython.uint, length=cython.uint)
cpdef bint looks_like_ike(const unsigned char[::1] data, size_t start, size_t end, bint exact) except -1 nogil

@cython.locals(message=IkeMessage, length=cython.size_t, last=cython.size_t)
cpdef IkeMessage parse_ike(const unsigned char[::1] data, size_t start, size_t end, size_t wire_end)

@cython.locals(message=IkeMessage, kept=cython.size_t)
cdef IkeMessage _cut_header(const unsigned char[::1] data, size_t start, size_t end)

@cython.locals(
    kind=cython.uint, count=cython.uint, length=cython.size_t, body=cython.size_t, stop=cython.size_t
)
cdef void _walk_v2(IkeMessage message, const unsigned char[::1] data, size_t position, size_t end) except *

@cython.locals(kind=cython.uint, content=bytes, begin=cython.size_t)
cdef void _notify(IkeMessage message, const unsigned char[::1] data, size_t body, size_t stop) except *

@cython.locals(
    kind=cython.uint, count=cython.uint, length=cython.size_t, body=cython.size_t, stop=cython.size_t
)
cdef void _walk_v1(IkeMessage message, const unsigned char[::1] data, size_t position, size_t end) except *
