# C types for flows.py.
cimport cython

from pcapan.octets cimport mixed, mixed2

cdef enum:
    _VERSION, _SRC_HI, _SRC_LO, _DST_HI, _DST_LO, _ENDS, _PACKETS, _OCTETS, _FIRST_FRAME, _LAST_FRAME
    _LOWEST, _HIGHEST, _WINDOW, _GAP, _COPIES
    _WIDTH = 16
cdef enum:
    _FIRST, _LAST, _GAP_FROM, _TIMES

cdef size_t _SPREAD
cdef unsigned long long _WINDOW_MASK, _ONE


cdef unsigned long long _hash(
    unsigned long long seed,
    unsigned long long src_hi,
    unsigned long long src_lo,
    unsigned long long dst_hi,
    unsigned long long dst_lo,
    unsigned long long ends,
) noexcept nogil

cdef unsigned long long _apart(unsigned long long later, unsigned long long earlier) noexcept nogil


@cython.final
cdef class FlowTable:
    cdef object _held_words
    cdef object _held_times
    cdef unsigned long long[::1] _words
    cdef long long[::1] _times
    cdef unsigned int[::1] _slots
    cdef unsigned long long _seed
    cdef size_t _limit
    cdef size_t _count
    cdef size_t _room

    @cython.locals(
        row=cython.Py_ssize_t,
        at=cython.size_t,
        ahead=cython.ulonglong,
        behind=cython.ulonglong,
        window=cython.ulonglong,
    )
    cpdef bint add(
        self,
        unsigned long long version,
        unsigned long long src_hi,
        unsigned long long src_lo,
        unsigned long long dst_hi,
        unsigned long long dst_lo,
        unsigned long long ends,
        unsigned long long sequence,
        unsigned long long octets,
        long long ts,
        unsigned long long frame,
    ) except -1 nogil

    @cython.locals(row=cython.Py_ssize_t)
    cpdef int count(
        self,
        unsigned long long version,
        unsigned long long src_hi,
        unsigned long long src_lo,
        unsigned long long dst_hi,
        unsigned long long dst_lo,
        unsigned long long ends,
        unsigned long long octets,
        long long ts,
        unsigned long long frame,
    ) except -1 nogil

    @cython.locals(
        at=cython.size_t,
        time=cython.size_t,
        gap=cython.ulonglong,
    )
    cdef int _touch(self, size_t row, unsigned long long octets, long long ts, unsigned long long frame) except -1 nogil

    @cython.locals(
        mask=cython.size_t,
        slot=cython.size_t,
        at=cython.size_t,
        row=cython.size_t,
    )
    cdef Py_ssize_t _find(
        self,
        unsigned long long version,
        unsigned long long src_hi,
        unsigned long long src_lo,
        unsigned long long dst_hi,
        unsigned long long dst_lo,
        unsigned long long ends,
    ) except -2 nogil

    @cython.locals(
        room=cython.size_t,
        mask=cython.size_t,
        slot=cython.size_t,
        at=cython.size_t,
        row=cython.size_t,
        words=cython.ulonglong[::1],
        slots=cython.uint[::1],
    )
    cdef int _grow(self) except -1
