# C types for gathering.py.
cimport cython

from pcapan.track.addresses cimport Texts
from pcapan.track.sas cimport IkeSa
from pcapan.track.sources cimport Around, Source
from pcapan.track.tunnels cimport Clients, Tunnels

cdef int _BUSY, _IDLE


@cython.final
cdef class _Gathering:
    cdef object _track
    cdef Around _around
    cdef Texts _names
    cdef dict _found
    cdef readonly bytearray kinds

    @cython.locals(source=Source, sa=IkeSa)
    cpdef dict busy(self, object series)

    @cython.locals(number=cython.size_t)
    cdef Source _source(self, str address)


@cython.locals(
    tunnels=Tunnels, clients=Clients, index=cython.size_t, client=cython.size_t, count=cython.size_t
)
cdef size_t _clients_of_tunnels(Around around, unsigned char[::1] kinds, unsigned int[::1] found) except? 0

@cython.locals(row=cython.size_t, client=cython.size_t)
cdef size_t _clients_of_flows(
    Clients clients, unsigned char[::1] kinds, unsigned int[::1] found, size_t count
) except? 0

@cython.locals(row=cython.size_t, client=cython.size_t, count=cython.size_t)
cdef size_t _count_clients(
    Clients clients, const unsigned char[::1] kinds, size_t server, unsigned char[::1] counted
) except? 0
