# C types for records.py.
cimport cython

from pcapan.octets cimport le32, u32

cdef unsigned int _ENHANCED_PACKET, _END, _FLAGS



@cython.locals(
    offsets=cython.ulonglong[::1],
    lengths=cython.uint[::1],
    wires=cython.uint[::1],
    times=cython.longlong[::1],
    record_size=cython.size_t,
    scale=cython.longlong,
    limit=cython.uint,
    always=cython.bint,
    maybe=cython.bint,
    room=cython.size_t,
    big=cython.bint,
    seconds=cython.longlong,
    fraction=cython.longlong,
    captured=cython.uint,
    wire=cython.uint,
    count=cython.size_t,
    first_longer=cython.size_t,
    longer=cython.size_t,
    lie=cython.longlong,
)
cpdef size_t walk(how, rows, const unsigned char[::1] data, size_t position, size_t end) except? 0


@cython.locals(
    offsets=cython.ulonglong[::1],
    lengths=cython.uint[::1],
    wires=cython.uint[::1],
    times=cython.longlong[::1],
    interfaces=cython.uint[::1],
    directions=cython.uchar[::1],
    limits=cython.ulonglong[::1],
    factors=cython.ulonglong[::1],
    most=cython.ulonglong[::1],
    shifts=cython.longlong[::1],
    indexes=cython.uint[::1],
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
cpdef size_t walk_blocks(how, rows, const unsigned char[::1] data, size_t position, size_t end) except? 0

@cython.locals(
    head=cython.uint, code=cython.uint, length=cython.size_t, direction=cython.int
)
cdef int _direction(const unsigned char[::1] data, size_t position, size_t end, bint big) except -2 nogil
