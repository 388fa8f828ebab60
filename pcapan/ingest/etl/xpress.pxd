# C types for xpress.py.
cimport cython

from pcapan.octets cimport le16, le32


@cython.locals(
    at=cython.size_t,
    made=cython.size_t,
    nibble=cython.size_t,
    have_nibble=cython.bint,
    have=cython.size_t,
    room=cython.size_t,
    flags=cython.uint,
    item=cython.int,
    match=cython.uint,
    length=cython.ulonglong,
    distance=cython.size_t,
)
cdef size_t _expand(const unsigned char[::1] data, unsigned char[::1] out) except? 0xFFFFFFFF
