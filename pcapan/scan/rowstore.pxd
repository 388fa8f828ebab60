# C types for rowstore.py.
cimport cython

from pcapan.scan.lines cimport begin, grown, move

cdef size_t _MORE


@cython.final
cdef class RowStore:
    cdef object _held
    cdef size_t _first
    cdef readonly unsigned long long[::1] words
    cdef readonly size_t room

    cpdef int more(self, size_t rows) except -1

    @cython.locals(first=cython.size_t)
    cdef int _grow(self, size_t rows, size_t room) except -1
