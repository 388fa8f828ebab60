# C types for records.py.
cimport cython

from pcapan.octets cimport Held, Span, be32_of, held, le32, le32_of, span, u32

cdef unsigned int _ENHANCED_PACKET, _END, _FLAGS
cdef int _SWAPPED, _MAYBE_SWAPPED
cdef size_t _CAPACITY
cdef long long _SECOND


@cython.final
cdef class Rows:
    cdef tuple _columns
    cdef public size_t count
    cdef unsigned long long[::1] offsets
    cdef unsigned int[::1] lengths
    cdef unsigned int[::1] wires
    cdef long long[::1] times
    cdef unsigned int[::1] interfaces
    cdef unsigned char[::1] directions


@cython.final
cdef class RecordWalk:
    cdef public bint big_endian
    cdef public size_t record_size
    cdef public long long scale
    cdef public unsigned int limit
    cdef public int order
    cdef public long long lie
    cdef public size_t longer
    cdef public size_t first_longer


@cython.final
cdef class BlockWalk:
    cdef bint big_endian
    cdef size_t longest
    cdef public size_t known
    cdef unsigned long long[::1] limits
    cdef unsigned long long[::1] factors
    cdef unsigned long long[::1] most
    cdef long long[::1] shifts
    cdef unsigned int[::1] indexes
    cdef public size_t longer
    cdef public size_t first_longer


cpdef size_t walk(
    RecordWalk how, Rows rows, const unsigned char[::1] data, size_t position, size_t end
) except? 0

@cython.locals(
    limit=cython.uint,
    always=cython.bint,
    maybe=cython.bint,
    room=cython.size_t,
    big=cython.bint,
    size=cython.size_t,
    scale=cython.longlong,
    first=cython.size_t,
    records=Span,
    head=Held,
    seconds=cython.longlong,
    fraction=cython.longlong,
    captured=cython.uint,
    wire=cython.uint,
    count=cython.size_t,
    first_longer=cython.size_t,
    longer=cython.size_t,
)
cdef size_t walk_records(
    RecordWalk how, Rows rows, const unsigned char[::1] data, size_t position, size_t end
) except? 0 nogil

cpdef size_t walk_blocks(
    BlockWalk how, Rows rows, const unsigned char[::1] data, size_t position, size_t end
) except? 0

@cython.locals(
    big=cython.bint,
    longest=cython.size_t,
    known=cython.size_t,
    room=cython.size_t,
    count=cython.size_t,
    first_longer=cython.size_t,
    longer=cython.size_t,
    kind=cython.uint,
    total=cython.size_t,
    source=cython.size_t,
    high=cython.ulonglong,
    low=cython.ulonglong,
    captured=cython.size_t,
    wire=cython.size_t,
    size=cython.size_t,
    used=cython.size_t,
    ticks=cython.ulonglong,
    direction=cython.int,
)
cdef size_t walk_packets(
    BlockWalk how, Rows rows, const unsigned char[::1] data, size_t position, size_t end
) except? 0 nogil

@cython.locals(
    head=cython.uint, code=cython.uint, length=cython.size_t, direction=cython.int
)
cdef int _direction(const unsigned char[::1] data, size_t position, size_t end, bint big) except -2 nogil
