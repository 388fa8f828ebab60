# C types for gather.py.
cimport cython

from pcapan.octets cimport u16

cdef unsigned int _ETHERNET, _VLAN, _VLAN_OUTER, _IPV4, _IPV6
cdef unsigned long long _SIGN
cdef long long _FAR


@cython.locals(count=cython.size_t, number=cython.size_t)
cdef size_t _choose(
    const long long[::1] stamps,
    const unsigned int[::1] sources,
    unsigned int shift,
    const unsigned char[::1] taken,
    unsigned int[::1] order,
    unsigned long long[::1] keys,
) except? 0xFFFFFFFF

cpdef sort_by(const unsigned long long[::1] keys, unsigned int[::1] order, size_t count)

@cython.locals(
    width=cython.size_t,
    begin=cython.size_t,
    middle=cython.size_t,
    end=cython.size_t,
    at=cython.size_t,
    left=cython.size_t,
    right=cython.size_t,
)
cdef int _merge_sort(
    const unsigned long long[::1] keys, unsigned int[::1] order, unsigned int[::1] spare, size_t count
) except -1

@cython.locals(
    groups=cython.size_t,
    base=cython.ulonglong,
    begin=cython.ulonglong,
    end=cython.ulonglong,
    at=cython.size_t,
    number=cython.size_t,
    place=cython.ulonglong,
)
cdef size_t _group(
    const unsigned long long[::1] places,
    const unsigned int[::1] lengths,
    const unsigned int[::1] order,
    unsigned long long gap,
    unsigned long long[::1] offsets,
    unsigned long long[::1] starts,
    unsigned long long[::1] sizes,
) except? 0xFFFFFFFF

@cython.locals(start=cython.uint, kind=cython.uint, total=cython.uint, payload=cython.uint)
cpdef unsigned int ethernet_wire_length(
    const unsigned char[::1] data, size_t offset, unsigned int length
) except? 0xFFFFFFFF


@cython.final
cdef class Gather:
    cdef readonly object order
    cdef const unsigned int[::1] _order
    cdef const unsigned int[::1] _sources
    cdef const unsigned int[::1] _links
    cdef const long long[::1] _stamps
    cdef const unsigned long long[::1] _places
    cdef const unsigned int[::1] _lengths
    cdef const unsigned int[::1] _wires
    cdef const unsigned int[::1] _frame_sources
    cdef const unsigned char[::1] _directions
    cdef readonly object places
    cdef readonly object lengths
    cdef readonly object wires
    cdef readonly object times
    cdef readonly object interfaces
    cdef readonly object directions

    @cython.locals(last=cython.size_t, size=cython.ulonglong)
    cpdef size_t block_end(self, size_t first, size_t frames, unsigned long long octets) except? 0

    @cython.locals(row=cython.size_t, number=cython.size_t, source=cython.uint, interface=cython.size_t)
    cdef int _take(
        self,
        size_t first,
        unsigned long long[::1] places,
        unsigned int[::1] lengths,
        unsigned int[::1] wires,
        long long[::1] times,
        unsigned int[::1] interfaces,
        unsigned char[::1] directions,
    ) except -1

    @cython.locals(low=cython.size_t, high=cython.size_t, middle=cython.size_t)
    cdef size_t _interface(self, unsigned int source) except? 0xFFFFFFFF

    @cython.locals(row=cython.size_t, stamp=cython.longlong)
    cdef bint _tell_times(self, long long[::1] times, long long base, long long most) except -1

    @cython.locals(row=cython.size_t, link=cython.uint)
    cdef int _infer_wires(
        self,
        object whole,
        const unsigned char[::1] data,
        const unsigned long long[::1] offsets,
        const unsigned int[::1] lengths,
        unsigned int[::1] wires,
        const unsigned int[::1] interfaces,
        object other,
    ) except -1
