# C types for flows.py.
cimport cython

from pcapan.octets cimport mixed5
from pcapan.scan.lines cimport begin, counted, grown, left, low, move, row_of, time_of

cdef enum:
    _KIND, _SRC_HI, _SRC_LO, _DST_HI, _DST_LO, _ENDS, _PACKETS, _OCTETS
    _SPAN, _WINDOW, _LAST, _LAST_FRAME, _GAP, _GAP_FROM, _FIRST, _FIRST_FRAME
cdef enum:
    _COPY = 256
    _NO_NUMBER = -1  # of 64 bits, without a sign

cdef size_t _BEGIN, _SPREAD, _MOST

@cython.locals(gap=cython.ulonglong)
cdef inline int _touch(
    unsigned long long* row, unsigned long long octets, unsigned long long ts, unsigned long long frame
) noexcept nogil


@cython.final
cdef class FlowTable:
    cdef object _held
    cdef size_t _first
    cdef unsigned long long[::1] _words
    cdef unsigned long long[::1] _slots
    cdef unsigned long long _seed
    cdef size_t _limit
    cdef size_t _count
    cdef size_t _room
    cdef size_t _mask

    @cython.locals(
        tag=cython.ulonglong,
        slot=cython.size_t,
        held=cython.ulonglong,
        row=cython.p_ulonglong,
        highest=cython.ulonglong,
        ahead=cython.ulonglong,
        behind=cython.ulonglong,
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

    @cython.locals(row=cython.p_ulonglong)
    cdef bint _new(
        self,
        size_t slot,
        unsigned long long tag,
        unsigned long long version,
        unsigned long long src_hi,
        unsigned long long src_lo,
        unsigned long long dst_hi,
        unsigned long long dst_lo,
        unsigned long long ends,
    ) except -1 nogil

    @cython.locals(first=cython.size_t)
    cdef int _make_room(self, size_t room) except -1

    @cython.locals(
        before=cython.ulonglong[::1],
        size=cython.size_t,
        mask=cython.size_t,
        slots=cython.ulonglong[::1],
        index=cython.size_t,
        held=cython.ulonglong,
        slot=cython.size_t,
    )
    cdef int _spread(self) except -1

