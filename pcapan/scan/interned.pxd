# C types for interned.py.
cimport cython

from pcapan.octets cimport put, same, stirred


@cython.final
cdef class Interned:
    cdef unsigned long long _seed
    cdef size_t _count
    cdef size_t _used
    cdef size_t _rows
    cdef size_t _size
    cdef unsigned char[::1] _octets
    cdef unsigned long long[::1] _begins
    cdef unsigned long long[::1] _ends
    cdef unsigned long long[::1] _hashes
    cdef unsigned int[::1] _slots

    @cython.locals(mask=cython.size_t, value=cython.ulonglong, slot=cython.size_t, row=cython.size_t)
    cpdef size_t row(self, const unsigned char[::1] data, size_t begin, size_t end) except? -1 nogil

    @cython.locals(slots="unsigned int[::1]", mask=cython.size_t, row=cython.size_t, slot=cython.size_t)
    cdef int _grow(self, size_t more) except -1
