# C types for sas.py.
cimport cython

from pcapan.track.exchanges cimport Exchange
from pcapan.track.flows cimport FlowGroups

cdef int _AUTH, _CHILD, _INFORMATIONAL
cdef long long _SECOND, _AUTH_SUCCESS


@cython.final
cdef class IkeSa:
    cdef readonly object spi_i
    cdef readonly object spi_r
    cdef readonly str src
    cdef readonly str server
    cdef readonly object file
    cdef readonly object first_ts
    cdef readonly object attempt
    cdef list _peers
    cdef int _port
    cdef readonly dict exchanges
    cdef FlowGroups _esp
    cdef size_t _esp_number
    cdef public IkeSa predecessor
    cdef public IkeSa successor
    cdef public object state
    cdef public object basis
    cdef public object established_ts
    cdef public object ended_ts
    cdef public long long last_ts
    cdef Exchange _last
    cdef list _auths
    cdef list _later
    cdef bint _sorted

    @cython.locals(key=cython.longlong, exchange=Exchange, last=Exchange)
    cdef Exchange exchange(self, int kind, long long message_id, bint by_client, long long ts)

    @cython.locals(peer=tuple)
    cdef object seen(self, long long ts, str address, int port)

    cpdef object begin_older(self, int port, object established_ts)

    @cython.locals(until=cython.longlong)
    cpdef object carry(self, FlowGroups groups, size_t number)

    cpdef object esp_since(self)

    cpdef list auths(self)

    cpdef list later(self)

    @cython.locals(auths=list, later=list, exchange=Exchange)
    cdef int _sort(self) except -1


@cython.locals(auths=list, later=list, e=Exchange, last=Exchange, sign_of_life=cython.bint)
cpdef object judge_establishment(IkeSa sa, bint both_directions)

@cython.locals(asked=cython.bint)
cdef bint _is_conversation(Exchange exchange, bint both_directions) except -1

@cython.locals(done=cython.longlong, exchange=Exchange)
cpdef bint client_backed_out(IkeSa sa, Exchange last) except -1

@cython.locals(later=list, exchange=Exchange, last=Exchange, last_ts=cython.longlong, gone=cython.bint)
cpdef object judge_end(IkeSa sa, object capture_end, object keepalive_until)

@cython.locals(link=IkeSa)
cdef tuple _chain_esp(IkeSa sa)
