# C types for plain.py.
cimport cython

from pcapan.octets cimport le16, le32, le64

cdef size_t _ROOM, _SPOOL, _PROVIDERS, _SOURCES
cdef unsigned int _EVENT_32, _EVENT_64, _HEADER, _FRAGMENT, _NDIS_HEADER
cdef unsigned long long _BOTH, _SEND, _RECEIVE, _WWAN, _WIFI, _SPOOL_MARK
cdef long long _NOWHERE
cdef unsigned int _FLOW, _FLOW_HEADER, _TYPE_ETHERNET, _TYPE_HTTP
cdef unsigned int _UNKNOWN, _INBOUND, _OUTBOUND, _ETHERNET, _RAW, _WIRELESS


cdef long long _signed(unsigned long long number) noexcept nogil


@cython.final
cdef class PlainEvents:
    cdef unsigned long long _ndis_lo
    cdef unsigned long long _ndis_hi
    cdef unsigned long long _pktmon_lo
    cdef unsigned long long _pktmon_hi
    cdef unsigned long long _other_lo
    cdef unsigned long long _other_hi
    cdef public unsigned long long ndis_events
    cdef public unsigned long long pktmon_events
    cdef unsigned long long[::1] _providers_lo
    cdef unsigned long long[::1] _providers_hi
    cdef unsigned long long[::1] _events
    cdef size_t _providers
    cdef size_t _last_provider
    cdef unsigned int[::1] _miniports
    cdef unsigned int[::1] _lowers
    cdef unsigned int[::1] _links
    cdef unsigned int[::1] _numbers
    cdef size_t _sources
    cdef unsigned char[::1] _wanted
    cdef unsigned long long[::1] _seen
    cdef bint _keep_groups
    cdef readonly size_t count
    cdef readonly bint of_pktmon
    cdef list _rows
    cdef long long[::1] _stamps
    cdef unsigned long long[::1] _places
    cdef unsigned int[::1] _lengths
    cdef unsigned int[::1] _wires
    cdef unsigned int[::1] _kinds
    cdef unsigned char[::1] _directions
    cdef unsigned long long[::1] _groups
    cdef unsigned short[::1] _group_numbers
    cdef unsigned short[::1] _appearances
    cdef object _pieces
    cdef unsigned char[::1] _spool
    cdef size_t _spooled
    cdef unsigned long long _base

    cpdef learn_source(self, unsigned int miniport, unsigned int lower, unsigned int link, unsigned int number)

    @cython.locals(size=cython.uint, marker=cython.uint, lo=cython.ulonglong, hi=cython.ulonglong)
    cpdef size_t walk(
        self,
        const unsigned char[::1] data,
        size_t position,
        size_t end,
        long long origin,
        unsigned long long spooled,
    ) except? 0

    @cython.locals(at=cython.size_t)
    cdef bint _foreign(self, unsigned long long lo, unsigned long long hi) except -1 nogil

    @cython.locals(
        keyword=cython.ulonglong,
        miniport=cython.uint,
        lower=cython.uint,
        length=cython.uint,
        link=cython.uint,
        source=cython.size_t,
        direction=cython.uint,
        start=cython.size_t,
    )
    cdef bint _frame(
        self, const unsigned char[::1] data, size_t position, unsigned int size, long long origin
    ) except -1 nogil

    @cython.locals(
        start=cython.size_t,
        tag=cython.uint,
        packet=cython.uint,
        component=cython.uint,
        original=cython.uint,
        logged=cython.uint,
        direction=cython.uint,
        wire=cython.uint,
        kind=cython.uint,
        at=cython.size_t,
    )
    cdef bint _flow(
        self, const unsigned char[::1] data, size_t position, unsigned int size, long long origin
    ) except -1 nogil

    @cython.locals(at=cython.size_t)
    cdef bint _add(
        self,
        const unsigned char[::1] data,
        size_t position,
        size_t start,
        unsigned int length,
        unsigned int wire,
        unsigned int kind,
        unsigned int direction,
        long long origin,
    ) except -1 nogil

    @cython.locals(at=cython.size_t)
    cpdef list counted(self)

    @cython.locals(component=cython.size_t)
    cpdef list seen(self)
