# C types for askers.py.
cimport cython

from pcapan.scan.keys cimport KeyTable
from pcapan.track.file_rows cimport FileRows

cdef int _INIT, _RESPONSE


@cython.final
cdef class Askers:
    cdef readonly list found
    cdef KeyTable _known
    cdef KeyTable _spis
    cdef list _asked
    cdef dict _numbers

    @cython.locals(file=cython.size_t, row=cython.size_t)
    cpdef int take_all(self, list files, object order) except -1

    @cython.locals(flags=cython.int, at=cython.size_t)
    cdef int _take(self, FileRows rows, size_t row) except -1

    @cython.locals(at=cython.size_t)
    cdef size_t _spi(self, unsigned long long spi_i) except? -1

    @cython.locals(number=cython.size_t, src=cython.ulonglong, dst=cython.ulonglong, at=cython.size_t)
    cdef int _note(self, FileRows rows, size_t row, bint is_response, str asked) except -1


@cython.locals(
    known=KeyTable,
    found=list,
    count=cython.size_t,
    row=cython.size_t,
    src=cython.ulonglong,
    dst=cython.ulonglong,
    flags=cython.int,
)
cpdef list senders(FileRows rows, const unsigned char[::1] left_out)
