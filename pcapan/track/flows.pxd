# C types for flows.py.
cimport cython

from pcapan.scan.keys cimport KeyTable
from pcapan.track.addresses cimport Texts

cdef long long _SECOND


@cython.final
cdef class Flows:
    cdef readonly Texts names
    cdef readonly object columns
    cdef readonly object files


@cython.locals(row=cython.size_t, begin=cython.size_t, count=cython.size_t)
cdef int _go_on(
    const unsigned int[::1] src,
    const unsigned int[::1] dst,
    const long long[::1] first_ts,
    const long long[::1] last_ts,
    unsigned int address,
    const long long[::1] befores,
    const long long[::1] afters,
    long long[::1] change,
) except -1

@cython.locals(high=cython.size_t, middle=cython.size_t)
cdef size_t _place(const long long[::1] numbers, size_t low, long long wanted) except? -1

@cython.locals(row=cython.size_t, found=list)
cdef list _rows_of(const unsigned int[::1] src, const unsigned char[::1] sends)

@cython.locals(
    row=cython.size_t,
    sent=cython.ulonglong,
    missing=cython.ulonglong,
    seen=cython.ulonglong,
    span=cython.ulonglong,
)
cdef tuple _losses(
    const unsigned int[::1] src,
    const unsigned long long[::1] packets,
    const unsigned int[::1] lowest,
    const unsigned int[::1] highest,
    const unsigned char[::1] sends,
    unsigned long long least,
)

@cython.locals(row=cython.size_t)
cdef bint _in_order(const long long[::1] first_ts, const unsigned long long[::1] first_frame) except -1

@cython.locals(
    src=cython.uint[::1],
    dst=cython.uint[::1],
    sport=cython.ushort[::1],
    dport=cython.ushort[::1],
    spi=cython.uint[::1],
    packets=cython.ulonglong[::1],
    octets=cython.ulonglong[::1],
    first_ts=cython.longlong[::1],
    last_ts=cython.longlong[::1],
    first_frame=cython.ulonglong[::1],
    last_frame=cython.ulonglong[::1],
    lowest=cython.uint[::1],
    highest=cython.uint[::1],
    longest_gap=cython.ulonglong[::1],
    gap_from=cython.longlong[::1],
    copies=cython.ulonglong[::1],
    latest=cython.uint[::1],
    known=KeyTable,
    kept=cython.size_t,
    row=cython.size_t,
    to=cython.size_t,
    number=cython.size_t,
    before=cython.size_t,
    pair=cython.ulonglong,
    ports=cython.ulonglong,
    gap=cython.longlong,
)
cdef Py_ssize_t _join(object columns, unsigned int[::1] files) except -1

@cython.final
cdef class FlowGroups:
    cdef readonly Flows flows
    cdef unsigned int[::1] _begins
    cdef unsigned int[::1] _order
    cdef const unsigned int[::1] _src
    cdef const unsigned short[::1] _sport
    cdef const unsigned short[::1] _dport
    cdef const unsigned int[::1] _lowest
    cdef const unsigned int[::1] _highest
    cdef const long long[::1] _first_ts
    cdef const long long[::1] _last_ts
    cdef const unsigned long long[::1] _gaps
    cdef const unsigned long long[::1] _packets

    cpdef size_t begin(self, size_t owner) except? 0

    cpdef size_t row(self, size_t at) except? 0

    @cython.locals(at=cython.size_t)
    cpdef list of(self, size_t owner)

    cpdef size_t count(self, size_t owner) except? 0

    cpdef long long since(self, size_t owner) except? 0

    @cython.locals(at=cython.size_t, latest=cython.longlong)
    cpdef long long until(self, size_t owner) except? 0

    @cython.locals(at=cython.size_t, longest=cython.ulonglong)
    cpdef unsigned long long longest_gap(self, size_t owner) except? 0

    @cython.locals(at=cython.size_t, found=cython.ulonglong)
    cpdef unsigned long long packets(self, size_t owner) except? 0

    @cython.locals(at=cython.size_t, row=cython.size_t, mine=cython.uint, theirs=cython.uint, found=list)
    cpdef list spans(self, size_t owner, unsigned int to)

    @cython.locals(at=cython.size_t, mine=cython.bint, others=cython.bint)
    cpdef bint comes_from_both(self, size_t owner, unsigned int address) except -1

    @cython.locals(at=cython.size_t, row=cython.size_t, seen=cython.ulonglong, span=cython.ulonglong)
    cpdef bint is_steady(self, size_t owner, unsigned long long packets) except -1


@cython.locals(count=cython.size_t, row=cython.size_t, owner=cython.size_t)
cdef int _sort(const unsigned int[::1] owners, unsigned int[::1] begins, unsigned int[::1] order) except -1
