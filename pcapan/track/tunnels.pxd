# C types for tunnels.py.
cimport cython

from pcapan.scan.keys cimport KeyTable
from pcapan.track.flows cimport FlowGroups, Flows
from pcapan.track.sas cimport IkeSa

cdef long long _SLACK
cdef int _AUTH, _CHILD
cdef unsigned long long _TUNNEL_PACKETS
cdef unsigned int _NOBODY


@cython.final
cdef class Clients:
    cdef readonly Flows flows
    cdef readonly object held
    cdef unsigned int[::1] client
    cdef unsigned short[::1] port
    cdef unsigned int[::1] server
    cdef unsigned char[::1] outward

    @cython.locals(row=cython.size_t)
    cdef int _part(
        self,
        const unsigned char[::1] is_server,
        const unsigned int[::1] src,
        const unsigned int[::1] dst,
        const unsigned short[::1] sport,
        const unsigned short[::1] dport,
    ) except -1


@cython.locals(
    flows=Flows,
    count=cython.size_t,
    spi=cython.uint[::1],
    first_ts=cython.longlong[::1],
    owner=cython.uint[::1],
    first_flow=cython.uint[::1],
    spis=KeyTable,
    alone=KeyTable,
    made=dict,
    has_keys=bytearray,
    wanted=bytearray,
    client=cython.size_t,
    at=cython.size_t,
    port=cython.uint,
    of_spi=cython.uint[::1],
    row=cython.size_t,
    known=cython.size_t,
    number=cython.size_t,
    before=cython.size_t,
)
cdef tuple _owners(Clients clients, object numbers, object sas)

@cython.locals(moves=list, sa=IkeSa, made=dict)
cdef dict _key_times(object sas, object numbers, bytearray wanted)

cdef size_t _latest(list events, long long first_ts) except? -1

@cython.locals(
    flows=Flows,
    names=list,
    first_flow=cython.uint[::1],
    first_ts=cython.longlong[::1],
    number=cython.size_t,
    row=cython.size_t,
    since=cython.longlong,
    found=list,
    sa=IkeSa,
)
cdef list _tunnels(
    Clients clients, FlowGroups groups, object bare, size_t begin, object both_ways, object began
)
