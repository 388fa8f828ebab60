# C types for sources.py.
cimport cython

from pcapan.track.flows cimport FlowGroups
from pcapan.track.sas cimport IkeSa
from pcapan.track.tunnels cimport Clients, Tunnels

cdef int _IKE, _NAT_T, _NO_PORT, _SEVERAL_PORTS


@cython.final
cdef class Around:
    cdef readonly object capture_end
    cdef readonly tuple clients
    cdef readonly FlowGroups esp
    cdef readonly FlowGroups keepalives
    cdef readonly Tunnels tunnels
    cdef int[::1] _ports
    cdef readonly dict ttls
    cdef readonly frozenset servers
    cdef readonly set neighbours
    cdef dict _numbers
    cdef dict _alone

    cdef frozenset alone(self, str server)

    cpdef list tunnels_of(self, size_t client)

    cpdef int only_port(self, size_t client) except? 0


@cython.final
cdef class Source:
    cdef readonly str address
    cdef size_t _number
    cdef Around _around
    cdef readonly object calls
    cdef readonly list probes
    cdef readonly list ike_sas
    cdef list _sas
    cdef list _tunnels
    cdef Py_ssize_t _older
    cdef readonly Py_ssize_t half_open
    cdef frozenset _servers
    cdef bint _servers_are_all
    cdef list _intervals
    cdef list _ends
    cdef list _replies
    cdef tuple _live
    cdef tuple _half_open
    cdef Py_ssize_t _clients
    cdef Py_ssize_t _peak

    cpdef object add_server(self, str server)

    cpdef object add_attempt(self, object attempt)

    cpdef object add_sa(self, IkeSa sa)

    cpdef list tunnels(self)

    cpdef list live_intervals(self)

    @cython.locals(sa=IkeSa, last=IkeSa, intervals=list)
    cdef list _find_intervals(self)

    cpdef Py_ssize_t clients_at_once(self) except -1

    @cython.locals(
        only=cython.int,
        port=cython.int,
        sa=IkeSa,
    )
    cdef Py_ssize_t _clients_on_4500(self) except -1

    cpdef Py_ssize_t peak_live(self) except -1


cpdef int clients_with(int port) except? -2
