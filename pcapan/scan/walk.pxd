# C types for walk.py.
cimport cython

from pcapan.decode.ike_walk cimport looks_like_ike
from pcapan.ingest.records cimport Rows
from pcapan.ingest.stretch cimport Stretch
from pcapan.octets cimport Held, Span, be16_of, be32_of, be64_of, held, span, u32, u64
from pcapan.scan.copies cimport RecentPackets
from pcapan.scan.flows cimport FlowTable
from pcapan.scan.lines cimport counted, low
from pcapan.scan.rows cimport MessageRows
from pcapan.scan.waiting cimport Waiting

cdef unsigned int _LINKTYPE_ETHERNET, _IPV4, _IPV6, _VLAN, _VLAN_OUTER, _VLAN_OLD, _VLAN_OLDER
cdef unsigned int _UDP, _ESP, _ICMP, _ICMPV6, _IKE_PORT, _NAT_T_PORT
cdef long long _UNTIMED
cdef unsigned int _MARK_COPY, _MARK_NO_TIME, _MARK_NON_ESP


cdef bint _is_extension(unsigned int protocol) noexcept nogil
cdef size_t _ike_start(const unsigned char[::1] data, size_t at, size_t end, bint nat_t) except? 1 nogil
cdef unsigned long long _apart(unsigned long long later, unsigned long long earlier) noexcept nogil


@cython.final
cdef class Walk:
    cdef object _scan
    cdef object _general
    cdef object _recorder
    cdef MessageRows _rows
    cdef object _whole
    cdef const unsigned char[::1] _data
    cdef unsigned long long _ike
    cdef FlowTable _esp
    cdef FlowTable _keepalives
    cdef FlowTable _talkers
    cdef Waiting _late_esp
    cdef Waiting _late_talkers
    cdef bint _esp_waits
    cdef bint _talkers_wait
    cdef RecentPackets _recent
    cdef bint _timed
    cdef long long _first
    cdef long long _latest
    cdef long long _last
    cdef unsigned long long _pause
    cdef long long _pause_from
    cdef unsigned long long _untimed
    cdef unsigned long long _disorder
    cdef unsigned long long _cut
    cdef unsigned long long _copies
    cdef unsigned long long _esp_packets
    cdef unsigned long long _keepalive_packets
    cdef unsigned long long _other
    cdef unsigned long long _ports_500
    cdef unsigned long long _ports_4500
    cdef unsigned long long _mac
    cdef unsigned long long _mac_before

    @cython.locals(
        offsets=cython.ulonglong[::1],
        lengths=cython.uint[::1],
        wires=cython.uint[::1],
        times=cython.longlong[::1],
        interfaces=cython.uint[::1],
        count=cython.size_t,
        number=cython.ulonglong,
    )
    cpdef int block(self, block, const unsigned int[::1] links) except -1

    cdef int _take(self, object data) except -1

    cdef int _finish(self, unsigned long long frames) except -1

    @cython.locals(first=cython.ulonglong, end=cython.ulonglong)
    cpdef unsigned long long stretch(
        self, Stretch stretch, const unsigned int[::1] links, unsigned long long number, unsigned long long most
    ) except? 0

    @cython.locals(
        index=cython.size_t,
        ts=cython.longlong,
        untimed=cython.bint,
        begin=cython.size_t,
        length=cython.size_t,
        wire=cython.size_t,
        link=cython.uint,
    )
    cdef int _sort(
        self,
        const unsigned long long[::1] offsets,
        const unsigned int[::1] lengths,
        const unsigned int[::1] wires,
        const long long[::1] times,
        const unsigned int[::1] interfaces,
        const unsigned int[::1] links,
        size_t count,
        unsigned long long number,
    ) except -1 nogil

    @cython.locals(pause=cython.ulonglong)
    cdef void _note(self, long long ts) noexcept nogil

    @cython.locals(
        frame=Span,
        ether=Held,
        ip=Held,
        inner=Held,
        size=cython.size_t,
        length=cython.size_t,
        kind=cython.uint,
        at=cython.size_t,
        head=cython.ulonglong,
        total=cython.size_t,
        version=cython.uint,
        ip_id=cython.ulonglong,
        protocol=cython.uint,
        src_hi=cython.ulonglong,
        src_lo=cython.ulonglong,
        dst_hi=cython.ulonglong,
        dst_lo=cython.ulonglong,
        stop=cython.size_t,
        last=cython.size_t,
        sport=cython.ulonglong,
        dport=cython.ulonglong,
        ends=cython.ulonglong,
        sequence=cython.ulonglong,
        nat_t=cython.bint,
        esp=cython.bint,
        keepalive=cython.bint,
        identity=cython.ulonglong,
        start=cython.size_t,
        ttl=cython.uint,
        copy=cython.bint,
        mac=cython.ulonglong,
    )
    cdef bint _plain(
        self,
        size_t begin,
        size_t end,
        long long ts,
        unsigned long long number,
        bint untimed,
    ) except -1 nogil

    cdef inline int _add_esp(
        self,
        unsigned int version,
        unsigned long long src_hi,
        unsigned long long src_lo,
        unsigned long long dst_hi,
        unsigned long long dst_lo,
        unsigned long long ends,
        unsigned long long sequence,
        unsigned long long octets,
        long long ts,
        unsigned long long number,
    ) except -1 nogil

    cdef int _sender(self, unsigned long long mac) except -1 nogil

    @cython.locals(esp=Waiting)
    cdef int _settle(self, unsigned long long frames) except -1
