# C types for rows.py.
cimport cython

from pcapan.decode.ike_walk cimport IkeWalk
from pcapan.octets cimport in_network_order, put, remainder
from pcapan.scan.interned cimport Interned
from pcapan.scan.keys cimport KeyTable

cdef size_t _ROOM, _NATD_ROOM, _KEY_ROOM, _HEAD
cdef unsigned int _CUT, _NATD_SOURCE, _NATD_DESTINATION


cdef unsigned long long _unsigned(long long mac) noexcept nogil


@cython.final
cdef class MessageRows:
    cdef object _scan
    cdef IkeWalk _walk
    cdef readonly list odd
    cdef size_t _flushed
    cdef size_t _held
    cdef KeyTable _addresses
    cdef Interned _shapes
    cdef size_t _shape_count
    cdef unsigned char[::1] _key
    cdef KeyTable _pairs
    cdef size_t _pair_count
    cdef unsigned char[::1] _natd
    cdef unsigned long long[::1] _natd_rows
    cdef unsigned long long[::1] _natd_begins
    cdef size_t _natd_count
    cdef size_t _natd_end
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

    cpdef size_t address(
        self, unsigned long long version, unsigned long long hi, unsigned long long lo
    ) except? -1 nogil

    @cython.locals(at=cython.size_t, row=cython.size_t, shape=cython.size_t, pair=cython.size_t)
    cpdef size_t add(
        self,
        const unsigned char[::1] data,
        size_t begin,
        size_t end,
        size_t wire_end,
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
    ) except? -1 nogil

    @cython.locals(addresses=list, keys=cython.ulonglong[::1], index=cython.size_t, at=cython.size_t)
    cpdef int flush(self) except -1

    @cython.locals(count=cython.size_t)
    cdef int _flush_hashes(self) except -1

    @cython.locals(
        index=cython.size_t,
        kind=cython.uint,
        begin=cython.size_t,
        end=cython.size_t,
        at=cython.size_t,
    )
    cdef int _keep_hashes(self, const unsigned char[::1] data, unsigned long long row) except -1 nogil

    @cython.locals(at=cython.size_t, index=cython.size_t)
    cdef size_t _tell_shape(self, const unsigned char[::1] data) except? -1 nogil

    cdef size_t _string(
        self, size_t at, const unsigned char[::1] data, size_t begin, size_t end
    ) except? -1 nogil

    cdef int _number(self, size_t at, unsigned int number) except -1 nogil

    cdef int _new_pair(self, long long mac_src, long long mac_dst) except -1

    @cython.locals(walk=IkeWalk)
    cdef int _new_shape(self, const unsigned char[::1] data) except -1
