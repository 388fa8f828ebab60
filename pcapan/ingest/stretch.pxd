# C types for stretch.py.
cimport cython

from pcapan.ingest.descriptor cimport read_into
from pcapan.ingest.records cimport BlockWalk, RecordWalk, Rows, walk_packets, walk_records
from pcapan.octets cimport address, put

cdef size_t _ROOM


@cython.final
cdef class Stretch:
    cdef object _file
    cdef int _descriptor
    cdef RecordWalk _records
    cdef BlockWalk _blocks
    cdef unsigned int _piece
    cdef public bytearray memory
    cdef unsigned char[::1] data
    cdef readonly Rows rows
    cdef size_t _fresh
    cdef size_t _position
    cdef size_t _end
    cdef public unsigned long long octets

    cpdef bint begin(self, left) except -1

    cdef bint forward(self) except -1 nogil

    @cython.locals(position=cython.size_t, odd=cython.bint)
    cdef bint _step(self) except -1 nogil

    @cython.locals(left=cython.size_t, got=cython.size_t)
    cdef bint _more(self) except -1 nogil
