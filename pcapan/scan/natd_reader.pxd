# C types for natd_reader.py.
cimport cython

from pcapan.octets cimport cut

cdef size_t _HEAD
cdef tuple _NONE


@cython.final
cdef class NatdReader:
    cdef const unsigned long long[::1] _rows
    cdef const unsigned long long[::1] _begins
    cdef const unsigned char[::1] _octets
    cdef size_t _count
    cdef size_t _next

    @cython.locals(at=cython.size_t, end=cython.size_t)
    cpdef tuple of(self, unsigned long long row)

    @cython.locals(low=cython.size_t, high=cython.size_t, middle=cython.size_t)
    cdef size_t _place(self, unsigned long long row) except? 0 nogil


@cython.locals(sources=tuple, destinations=tuple, begin=cython.size_t, stop=cython.size_t)
cpdef tuple unpacked(const unsigned char[::1] octets, size_t at, size_t end)
