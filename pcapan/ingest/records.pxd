# C types for records.py.
cimport cython

cdef unsigned int _word(const unsigned char[::1] data, size_t at, bint big) except? 0xFFFFFFFF nogil


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
