# C types for sources.py.
cimport cython

from pcapan.track.flows cimport FlowGroups
from pcapan.track.sas cimport IkeSa
from pcapan.track.tunnels cimport Clients

cdef int _IKE, _NAT_T, _NO_PORT, _SEVERAL_PORTS


@cython.final
cdef class Around:
    cdef readonly object capture_end
    cdef readonly FlowGroups esp
    cdef readonly FlowGroups keepalives
    cdef readonly frozenset servers
    cdef readonly set neighbours
    cdef dict _numbers
    cdef dict _alone

    cdef frozenset alone(self, str server)


@cython.final
cdef class Source:
    cdef readonly str address
    cdef size_t _number
    cdef Around _around
    cdef readonly object calls
    cdef readonly list probes
    cdef readonly list sas
    cdef readonly Py_ssize_t older
    cdef readonly Py_ssize_t half_open
    cdef public object ttls
    cdef readonly frozenset servers
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

    cpdef list live_intervals(self)

    @cython.locals(sa=IkeSa, last=IkeSa, intervals=list)
    cdef list _find_intervals(self)

    cpdef Py_ssize_t clients_at_once(self) except -1

    @cython.locals(
        number=cython.size_t,
        esp=FlowGroups,
        keepalives=FlowGroups,
        only=cython.int,
        port=cython.int,
        sa=IkeSa,
    )
    cdef Py_ssize_t _clients_on_4500(self) except -1

    cpdef Py_ssize_t peak_live(self) except -1


@cython.final
cdef class _Gathering:
    cdef object _track
    cdef Around _around
    cdef dict _numbers
    cdef dict _found

    @cython.locals(source=Source, sa=IkeSa)
    cpdef dict all_of(self, object series)

    cdef Source _source(self, str address)

    @cython.locals(
        names=list,
        last_server=cython.uint[::1],
        row=cython.size_t,
        client=cython.size_t,
        server=cython.size_t,
    )
    cdef object _add_flows(self, Clients clients)
