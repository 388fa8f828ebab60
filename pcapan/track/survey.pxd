# C types for survey.py.
cimport cython

from pcapan.track.sas cimport IkeSa
from pcapan.track.sources cimport Around, Source, clients_with

cdef object _OLDER


@cython.final
cdef class Survey:
    cdef readonly list clients
    cdef readonly list asking
    cdef readonly list asking_at
    cdef readonly list crowded
    cdef readonly list probes
    cdef readonly Py_ssize_t with_ike

    @cython.locals(source=Source, at=cython.Py_ssize_t, with_ike=cython.Py_ssize_t, clients=cython.Py_ssize_t)
    cdef object _look_at(self, list sources)

    @cython.locals(busy=cython.size_t, at=cython.size_t, clients=cython.Py_ssize_t, source=Source)
    cdef object _count(self, object sources, Around around, unsigned int[::1] idle)


@cython.final
cdef class SaSurvey:
    cdef readonly list with_ike
    cdef readonly list with_ike_at
    cdef readonly Py_ssize_t older

    @cython.locals(sa=IkeSa, at=cython.Py_ssize_t, older=cython.Py_ssize_t)
    cdef object _look_at(self, list sas)
