# C types for flow_columns.py.
cimport cython

from pcapan.octets cimport in_network_order
from pcapan.scan.flows cimport (
    FlowTable,
    _ADDRESSES,
    _DST_HI,
    _DST_LO,
    _ENDS,
    _FIRST,
    _FIRST_FRAME,
    _GAP,
    _GAP_FROM,
    _KIND,
    _LAST,
    _LOWEST,
    _MORE_FRAMES,
    _MORE_OCTETS,
    _MORE_PACKETS,
    _NUMBERS,
    _SIZES,
    _SRC_HI,
    _SRC_LO,
)
from pcapan.scan.keys cimport KeyTable
from pcapan.scan.lines cimport left, longer, low, row_of, time_of
from pcapan.scan.rows cimport MessageRows

cdef size_t _TOGETHER


@cython.locals(
    count=cython.size_t,
    row=cython.size_t,
    near=cython.p_ulonglong,
    far=cython.p_ulonglong,
    kind=cython.ulonglong,
    ends=cython.ulonglong,
    src=cython.uint[::1],
    dst=cython.uint[::1],
    sport=cython.ushort[::1],
    dport=cython.ushort[::1],
    spi=cython.uint[::1],
    packets=cython.ulonglong[::1],
    octets=cython.ulonglong[::1],
    first_ts=cython.longlong[::1],
    last_ts=cython.longlong[::1],
    first_frame=cython.ulonglong[::1],
    last_frame=cython.ulonglong[::1],
    lowest=cython.uint[::1],
    highest=cython.uint[::1],
    gap=cython.ulonglong[::1],
    gap_from=cython.longlong[::1],
    copies=cython.ulonglong[::1],
)
cpdef object flow_columns(FlowTable table, MessageRows rows)

@cython.locals(
    ends=cython.ulonglong[::1],
    total=cython.size_t,
    begin=cython.size_t,
    count=cython.size_t,
    index=cython.size_t,
    at=cython.size_t,
    addresses=cython.ulonglong,
    version=cython.ulonglong,
    wide=cython.p_ulonglong,
)
cdef int _number_addresses(
    FlowTable table, KeyTable keys, unsigned int[::1] src, unsigned int[::1] dst
) except -1

@cython.locals(
    row=cython.size_t,
    near=cython.p_ulonglong,
    far=cython.p_ulonglong,
    wide=cython.p_ulonglong,
    version=cython.ulonglong,
    addresses=cython.ulonglong,
    found=dict,
)
cpdef dict packets_of_senders(FlowTable table)

@cython.locals(row=cython.size_t, addresses=cython.ulonglong, wide=cython.p_ulonglong)
cpdef bint has_sender(
    FlowTable table, unsigned long long version, unsigned long long src_hi, unsigned long long src_lo
) except -1
