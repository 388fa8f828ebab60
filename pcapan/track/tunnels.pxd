# C types for tunnels.py.
cimport cython

from pcapan.octets cimport mixed2
from pcapan.scan.keys cimport KeyTable
from pcapan.track.addresses cimport Texts
from pcapan.track.flows cimport FlowGroups, Flows
from pcapan.track.sas cimport IkeSa

cdef long long _SLACK
cdef int _AUTH, _CHILD
cdef unsigned long long _TUNNEL_PACKETS
cdef int _SERVERS, _CLIENTS, _STEADY_ONE
cdef unsigned int _SEVERAL, _NOWHERE
cdef int _NO_PORT, _SEVERAL_PORTS


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

    @cython.locals(row=cython.size_t, client=cython.size_t, mine=cython.int, theirs=cython.int)
    cdef int _note_ports(
        self,
        int to,
        int[::1] ports,
        const unsigned int[::1] src,
        const unsigned short[::1] sport,
        const unsigned short[::1] dport,
    ) except -1

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
cdef class _Keys:
    cdef unsigned int[::1] _sole
    cdef unsigned short[::1] _port
    cdef dict _made

    @cython.locals(sole=cython.uint)
    cdef Py_ssize_t sa(self, size_t client, unsigned int port, long long first_ts) except? -2

    @cython.locals(
        number=cython.size_t, sa=IkeSa, peers=list, client=cython.size_t, home=cython.uint[::1]
    )
    cdef int _part(self, Texts names, object sas, const unsigned char[::1] wanted) except -1

    @cython.locals(moves=list, client=cython.size_t)
    cdef int _note(self, Texts names, object number, IkeSa sa) except -1


@cython.final
cdef class Repeats:
    cdef size_t _mask
    cdef unsigned long long _seed
    cdef unsigned char[::1] _once
    cdef unsigned char[::1] _again

    @cython.locals(slot=cython.size_t, at=cython.size_t, bit=cython.uchar)
    cpdef int add(self, unsigned long long first, unsigned long long second) except -1

    @cython.locals(slot=cython.size_t)
    cpdef bint may_repeat(self, unsigned long long first, unsigned long long second) except -1


@cython.final
cdef class Owned:
    cdef readonly size_t begin
    cdef readonly size_t bare
    cdef readonly object owners
    cdef readonly object first
    cdef readonly bytearray signs
    cdef Clients _clients
    cdef unsigned int[::1] _owner
    cdef unsigned int[::1] _first
    cdef unsigned int[::1] _bare_of
    cdef KeyTable _others
    cdef list _other_bare
    cdef KeyTable _spis
    cdef list _with_spi

    @cython.locals(
        clients=Clients,
        src=cython.uint[::1],
        spi=cython.uint[::1],
        first_ts=cython.longlong[::1],
        packets=cython.ulonglong[::1],
        lowest=cython.uint[::1],
        highest=cython.uint[::1],
        repeats=Repeats,
        row=cython.size_t,
        known=cython.Py_ssize_t,
        number=cython.Py_ssize_t,
        begin=cython.Py_ssize_t,
        seen=cython.ulonglong,
        span=cython.ulonglong,
        sign=cython.int,
        signs=cython.uchar[::1],
    )
    cdef int _find(self, _Keys keys) except -1

    @cython.locals(clients=Clients, found=bytearray, row=cython.size_t)
    cdef bytearray _with_flows(self)

    @cython.locals(
        clients=Clients,
        client=cython.size_t,
        port=cython.size_t,
        server=cython.size_t,
        number=cython.size_t,
        first=cython.size_t,
        other=cython.size_t,
    )
    cdef size_t _bare(self, size_t row) except? -1

    cdef size_t _new(self, size_t row) except? -1


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


cdef size_t _latest(list events, long long first_ts) except? -1
