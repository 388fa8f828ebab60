# C types for waiting.py.
cimport cython

from pcapan.octets cimport flow_tag
from pcapan.scan.flows cimport FlowTable, _ADDRESSES, _NO_NUMBER
from pcapan.scan.lines cimport WIDTH, bring, counted, low, row_of

cdef enum:
    _SRC_HI, _SRC_LO, _DST_HI, _DST_LO, _ENDS, _VERSION, _TAG
cdef enum:
    _SEQUENCE, _OCTETS, _TIME, _FRAME

cdef size_t _MANY, _ROOM, _APART


@cython.final
cdef class Waiting:
    cdef FlowTable _table
    cdef unsigned long long[::1] _packets
    cdef size_t _count
    cdef public unsigned long long copies
    cdef public unsigned long long copies_with_ports

    cpdef bint pays(self) noexcept nogil

    @cython.locals(tag=cython.ulonglong, key=cython.p_ulonglong, rest=cython.p_ulonglong)
    cpdef int add(
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

    @cython.locals(count=cython.size_t, index=cython.size_t, key=cython.p_ulonglong, rest=cython.p_ulonglong)
    cpdef int settle(self) except -1 nogil

    @cython.locals(row=cython.size_t)
    cdef inline int _bring_row(self, size_t index) except -1 nogil

    @cython.locals(key=cython.p_ulonglong, row=cython.size_t)
    cdef inline int _bring_halves(self, size_t index) except -1 nogil

    @cython.locals(slot=cython.size_t)
    cdef inline size_t _row(self, unsigned long long tag) except? -1 nogil
