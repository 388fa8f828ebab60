# C types for flow_columns.py.
cimport cython

from pcapan.octets cimport in_network_order
from pcapan.scan.flows cimport (
    FlowTable,
    _DST_HI,
    _DST_LO,
    _ENDS,
    _FIRST,
    _FIRST_FRAME,
    _GAP,
    _GAP_FROM,
    _KIND,
    _LAST,
    _LAST_FRAME,
    _OCTETS,
    _PACKETS,
    _SPAN,
    _SRC_HI,
    _SRC_LO,
)
from pcapan.scan.lines cimport low, row_of, time_of
from pcapan.scan.rows cimport MessageRows


@cython.locals(
    count=cython.size_t,
    row=cython.size_t,
    held=cython.p_ulonglong,
    kind=cython.ulonglong,
    ends=cython.ulonglong,
    span=cython.ulonglong,
    words=cython.ulonglong[::1],
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
    row=cython.size_t,
    held=cython.p_ulonglong,
    words=cython.ulonglong[::1],
)
cpdef object add_talkers(FlowTable table, dict talkers, Py_ssize_t most)
