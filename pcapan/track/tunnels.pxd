# C types for tunnels.py.
cimport cython

from pcapan.octets cimport mixed2
from pcapan.track.addresses cimport Texts
from pcapan.track.flows cimport FlowGroups, Flows
from pcapan.track.sas cimport IkeSa

cdef long long _SLACK
cdef int _AUTH, _CHILD
cdef unsigned long long _TUNNEL_PACKETS
cdef int _SERVERS, _CLIENTS, _STEADY_ONE


@cython.final
cdef class Clients:
    cdef readonly Flows flows
    cdef readonly object held
    cdef unsigned int[::1] client
    cdef unsigned short[::1] port
    cdef unsigned int[::1] server
    cdef unsigned char[::1] _is_server
    cdef FlowGroups _groups

    cpdef FlowGroups groups(self)

    cpdef bint is_server(self, size_t address) except -1

    @cython.locals(
        groups=FlowGroups, found=set, at=cython.size_t, server=cython.size_t, last=cython.size_t
    )
    cpdef set servers_of(self, size_t client)

    @cython.locals(row=cython.size_t)
    cdef int _part(
        self,
        const unsigned char[::1] is_server,
        const unsigned int[::1] src,
        const unsigned int[::1] dst,
        const unsigned short[::1] sport,
        const unsigned short[::1] dport,
    ) except -1


@cython.final
cdef class Owned:
    cdef readonly size_t begin
    cdef readonly size_t bare
    cdef readonly object owners
    cdef readonly object first
    cdef readonly bytearray signs
    cdef Clients _clients
    cdef unsigned long long _seed
    cdef size_t _mask
    cdef unsigned int[::1] _owner
    cdef unsigned int[::1] _first
    cdef unsigned int[::1] _of_spi
    cdef unsigned int[::1] _of_pair

    @cython.locals(
        clients=Clients,
        src=cython.uint[::1],
        spi=cython.uint[::1],
        first_ts=cython.longlong[::1],
        packets=cython.ulonglong[::1],
        lowest=cython.uint[::1],
        highest=cython.uint[::1],
        wanted=bytearray,
        has_keys=bytearray,
        made=dict,
        client=cython.size_t,
        row=cython.size_t,
        known=cython.size_t,
        number=cython.size_t,
        at=cython.size_t,
        seen=cython.ulonglong,
        span=cython.ulonglong,
        sign=cython.int,
        signs=cython.uchar[::1],
    )
    cdef int _find(self, object addresses, object sas) except -1

    @cython.locals(server=cython.size_t, outward=cython.bint, slot=cython.size_t, other=cython.size_t)
    cdef size_t _first_with(self, unsigned int[::1] src, unsigned int[::1] spi, size_t row) except? -1

    @cython.locals(
        clients=Clients,
        client=cython.size_t,
        port=cython.size_t,
        server=cython.size_t,
        slot=cython.size_t,
        number=cython.size_t,
        other=cython.size_t,
    )
    cdef size_t _pair(self, size_t row) except? -1


@cython.final
cdef class Tunnels:
    cdef Clients _clients
    cdef FlowGroups _groups
    cdef unsigned int[::1] _owners
    cdef size_t _begin
    cdef unsigned int[::1] _first
    cdef object _began
    cdef unsigned int[::1] _numbers
    cdef unsigned char[::1] _is_one
    cdef size_t _count
    cdef dict _made

    @cython.locals(number=cython.size_t, sa=IkeSa)
    cpdef object carried_by(self, object sas)

    cpdef IkeSa tunnel(self, size_t index)

    @cython.locals(row=cython.size_t)
    cpdef object established(self, size_t index)

    cpdef size_t client(self, size_t index) except? -1

    @cython.locals(
        found=list,
        groups=FlowGroups,
        at=cython.size_t,
        row=cython.size_t,
        owner=cython.size_t,
        number=cython.size_t,
    )
    cpdef list numbers_of(self, size_t client)

    cpdef size_t count_of(self, size_t client) except? 0

    @cython.locals(low=cython.size_t, high=cython.size_t, middle=cython.size_t)
    cdef size_t _index(self, size_t number) except? -1

    @cython.locals(number=cython.size_t, row=cython.size_t, flows=Flows, names=Texts, sa=IkeSa)
    cdef IkeSa _make(self, size_t index)

    @cython.locals(found=cython.size_t, number=cython.size_t, seen=cython.int)
    cdef size_t _choose(self, const unsigned char[::1] signs, const unsigned char[::1] heard) except? -1


@cython.locals(moves=list, sa=IkeSa, made=dict)
cdef dict _key_times(object sas, object addresses, bytearray wanted)

cdef size_t _latest(list events, long long first_ts) except? -1
