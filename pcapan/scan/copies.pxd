# C types for copies.py.
cimport cython

from pcapan.octets cimport mixed, stirred


cdef unsigned long long _unsigned(long long ts) noexcept nogil


@cython.final
cdef class RecentPackets:
    cdef unsigned long long[::1] _names
    cdef long long[::1] _times
    cdef size_t _mask
    cdef size_t _limit
    cdef size_t _young
    cdef size_t _count
    cdef unsigned long long _with_id
    cdef unsigned long long _without_id
    cdef unsigned long long _seed

    @cython.locals(payload=cython.ulonglong)
    cpdef unsigned long long identity(
        self,
        const unsigned char[::1] data,
        size_t begin,
        size_t end,
        unsigned long long version,
        unsigned long long src_hi,
        unsigned long long src_lo,
        unsigned long long dst_hi,
        unsigned long long dst_lo,
        unsigned long long kind,
    ) except? 0xFFFFFFFFFFFFFFFFULL nogil

    @cython.locals(at=cython.size_t, seen=cython.size_t, before=cython.longlong, apart=cython.ulonglong)
    cpdef bint is_copy(self, unsigned long long identity, bint has_id, long long ts) except -1 nogil

    @cython.locals(at=cython.size_t)
    cdef size_t _slot(self, size_t base, unsigned long long identity) except? 0xFFFFFFFF nogil

    @cython.locals(at=cython.size_t)
    cdef int _turn(self) except -1 nogil
