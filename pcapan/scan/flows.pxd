# C types for flows.py.
cimport cython

from pcapan.octets cimport flow_tag
from pcapan.scan.lines cimport WIDTH, counted, left, low, row_of, time_of
from pcapan.scan.rowstore cimport RowStore

cdef enum:
    _ADDRESSES, _ENDS, _NUMBERS, _SIZES, _WINDOW, _LAST, _GAP, _GAP_FROM
cdef enum:
    _KIND, _FIRST, _FIRST_FRAME, _LOWEST, _MORE_PACKETS, _MORE_OCTETS, _MORE_FRAMES
cdef enum:
    _SRC_HI, _SRC_LO, _DST_HI, _DST_LO
cdef enum:
    _COPY = 256
    _NO_NUMBER = -1  # of 64 bits, without a sign

cdef size_t _BEGIN, _SLOTS, _MOST


@cython.final
cdef class FlowTable:
    cdef RowStore _near_store
    cdef RowStore _far_store
    cdef RowStore _wide_store
    cdef unsigned long long[::1] _near
    cdef unsigned long long[::1] _far
    cdef unsigned long long[::1] _wide
    cdef unsigned long long[::1] _slots
    cdef unsigned long long _seed
    cdef size_t _limit
    cdef size_t _count
    cdef size_t _wide_count
    cdef size_t _mask

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

    @cython.locals(
        slot=cython.size_t,
        held=cython.ulonglong,
        row=cython.p_ulonglong,
        far=cython.p_ulonglong,
        numbers=cython.ulonglong,
        highest=cython.ulonglong,
        ahead=cython.ulonglong,
        behind=cython.ulonglong,
        sizes=cython.ulonglong,
        last_frame=cython.ulonglong,
        gap=cython.ulonglong,
    )
    cpdef bint take(
        self,
        unsigned long long tag,
        unsigned long long version,
        unsigned long long src_hi,
        unsigned long long src_lo,
        unsigned long long dst_hi,
        unsigned long long dst_lo,
        unsigned long long ends,
        unsigned long long sequence,
        unsigned long long octets,
        unsigned long long ts,
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

    @cython.locals(wide=cython.p_ulonglong)
    cdef bint _is_wide(
        self,
        unsigned long long number,
        unsigned long long src_hi,
        unsigned long long src_lo,
        unsigned long long dst_hi,
        unsigned long long dst_lo,
    ) except -1 nogil

    @cython.locals(number=cython.size_t, near=cython.p_ulonglong, far=cython.p_ulonglong)
    cdef bint _begin(
        self,
        size_t slot,
        unsigned long long tag,
        unsigned long long version,
        unsigned long long src_hi,
        unsigned long long src_lo,
        unsigned long long dst_hi,
        unsigned long long dst_lo,
        unsigned long long ends,
        unsigned long long sequence,
        unsigned long long octets,
        unsigned long long ts,
        unsigned long long frame,
    ) except -1 nogil

    @cython.locals(number=cython.size_t, wide=cython.p_ulonglong)
    cdef unsigned long long _widen(
        self,
        unsigned long long src_hi,
        unsigned long long src_lo,
        unsigned long long dst_hi,
        unsigned long long dst_lo,
    ) except? 0xFFFFFFFFFFFFFFFFULL nogil

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
