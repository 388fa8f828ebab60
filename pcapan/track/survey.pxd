# C types for survey.py.
cimport cython

from pcapan.track.sources cimport Source


@cython.final
cdef class Survey:
    cdef readonly list clients
    cdef readonly list asking
    cdef readonly list asking_at
    cdef readonly list crowded
    cdef readonly Py_ssize_t with_ike

    @cython.locals(source=Source, at=cython.Py_ssize_t, with_ike=cython.Py_ssize_t, clients=cython.Py_ssize_t)
    cdef object _look_at(self, object sources)
