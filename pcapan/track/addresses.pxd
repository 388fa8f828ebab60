# C types for addresses.py.
cimport cython

cdef list _OCTETS


@cython.final
cdef class Texts:
    cdef list _addresses
    cdef Texts _whole
    cdef object _places
    cdef list _made
    cdef dict _numbers

    @cython.locals(made=str)
    cpdef str text(self, size_t number)

    @cython.locals(at=cython.size_t)
    cpdef Py_ssize_t number(self, str text) except? -2

    @cython.locals(made=str)
    cdef str _make(self, size_t number)


cdef str _written(bytes address)

cdef str _dotted(unsigned char first, unsigned char second, unsigned char third, unsigned char fourth)
