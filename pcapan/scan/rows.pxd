# C types for rows.py.
cimport cython

from pcapan.decode.ike cimport IkeMessage, parse_ike
from pcapan.octets cimport put, remainder
from pcapan.scan.flows cimport FlowTable

cdef size_t _BEGIN, _END, _NUMBER, _VERSION, _SRC_HI, _SRC_LO, _DST_HI, _DST_LO, _SPORT, _DPORT, _TTL, _IP_ID
cdef size_t _MAC_SRC, _MAC_DST, _MARKS, _WIDTH
cdef size_t _OCTETS, _ROOM


@cython.final
cdef class MessageRows:
    cdef object _scan
    cdef unsigned long long[::1] _aside
    cdef long long[::1] _aside_times
    cdef unsigned char[::1] _aside_octets
    cdef size_t _aside_count
    cdef size_t _aside_end
    cdef readonly list odd
    cdef size_t _flushed
    cdef size_t _held
    cdef FlowTable _addresses
    cdef dict _shapes
    cdef dict _pairs
    cdef long long _pair_src
    cdef long long _pair_dst
    cdef unsigned int _pair
    cdef list _columns
    cdef unsigned long long[::1] _frame
    cdef long long[::1] _ts
    cdef unsigned int[::1] _src
    cdef unsigned int[::1] _dst
    cdef unsigned short[::1] _sport
    cdef unsigned short[::1] _dport
    cdef unsigned char[::1] _ttl
    cdef unsigned int[::1] _ip_id
    cdef unsigned int[::1] _macs
    cdef unsigned char[::1] _marks
    cdef unsigned long long[::1] _spi_i
    cdef unsigned long long[::1] _spi_r
    cdef short[::1] _version
    cdef short[::1] _exchange
    cdef short[::1] _flags
    cdef long long[::1] _message_id
    cdef long long[::1] _length
    cdef unsigned int[::1] _encrypted
    cdef unsigned short[::1] _fragment_number
    cdef unsigned short[::1] _fragment_total
    cdef unsigned long long[::1] _digest
    cdef unsigned int[::1] _shape

    @cython.locals(row=cython.size_t, octets=bytes)
    cpdef size_t address(self, unsigned long long version, unsigned long long hi, unsigned long long lo) except? 0

    @cython.locals(at=cython.size_t, row=cython.size_t)
    cpdef size_t add(
        self,
        IkeMessage message,
        const unsigned char[::1] data,
        size_t begin,
        size_t end,
        unsigned long long frame,
        long long ts,
        unsigned int src,
        unsigned int dst,
        unsigned int sport,
        unsigned int dport,
        unsigned int ttl,
        unsigned int ip_id,
        long long mac_src,
        long long mac_dst,
        unsigned int marks,
    ) except? 0

    @cython.locals(row=cython.size_t)
    cdef int put_aside(
        self,
        const unsigned char[::1] data,
        size_t begin,
        size_t end,
        unsigned long long frame,
        long long ts,
        unsigned long long version,
        unsigned long long src_hi,
        unsigned long long src_lo,
        unsigned long long dst_hi,
        unsigned long long dst_lo,
        unsigned long long sport,
        unsigned long long dport,
        unsigned long long ttl,
        unsigned long long ip_id,
        unsigned long long mac_src,
        unsigned long long mac_dst,
        unsigned long long marks,
    ) except -1 nogil

    @cython.locals(
        count=cython.size_t,
        index=cython.size_t,
        row=cython.size_t,
        begin=cython.size_t,
        end=cython.size_t,
        frame=cython.ulonglong,
        version=cython.ulonglong,
        message=IkeMessage,
    )
    cpdef int write_down(self) except -1

    cpdef flush(self)

    cdef unsigned int _pair_of(self, long long mac_src, long long mac_dst) except? 0

    @cython.locals(key=tuple)
    cdef unsigned int _shape_of(self, IkeMessage message) except? 0
