# cython: boundscheck=False, wraparound=False
# The compiled twin of ahead.py. What is guessed from a frame is read within its bounds; a place in a table is
# only handed to the processor, never read, but for a slot, whose number is masked and compared.
cimport cython

from pcapan.octets cimport mixed5, u16, u32, u64
from pcapan.scan.flows cimport FlowTable
from pcapan.scan.lines cimport WIDTH

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define PCAPAN_BRING(place) __builtin_prefetch(place)
    #elif defined(_MSC_VER) && defined(_M_X64)
    #include <xmmintrin.h>
    #define PCAPAN_BRING(place) _mm_prefetch((const char *)(place), _MM_HINT_T0)
    #else
    #define PCAPAN_BRING(place) ((void)(place))
    #endif
    """
    void _bring "PCAPAN_BRING"(const void* place) noexcept nogil

cdef enum:
    AHEAD = 32
    _FAR = 4096  # rows: with their slots, what a core keeps for itself alone


cdef inline bint far(FlowTable esp, FlowTable talkers) noexcept nogil:
    return esp._count > _FAR or talkers._count > _FAR


cdef inline int bring(
    FlowTable esp,
    FlowTable talkers,
    const unsigned char[::1] data,
    const unsigned long long[::1] offsets,
    const unsigned int[::1] lengths,
    size_t first,
    size_t end,
) except -1 nogil:
    cdef unsigned long long hashes[AHEAD]
    cdef bint ours[AHEAD]
    cdef size_t count = 0
    cdef size_t new_flows = 0
    cdef size_t new_talkers = 0
    cdef size_t index
    if end > <size_t> offsets.shape[0] or end > <size_t> lengths.shape[0]:
        return 0
    while first < end and count < AHEAD:
        if lengths[first] >= 62:
            ours[count] = False
            hashes[count] = _guess(esp, talkers, data, offsets[first], lengths[first], &ours[count])
            if ours[count]:
                _bring_slot(esp, hashes[count])
            else:
                _bring_slot(talkers, hashes[count])
            count += 1
        first += 1
    for index in range(count):
        if ours[index]:
            _bring_row(esp, hashes[index], &new_flows)
        else:
            _bring_row(talkers, hashes[index], &new_talkers)
    return 0


# The hash of the key that a frame of 62 octets or more will have in the table of ESP (`ours` is set) or of talkers.
cdef inline unsigned long long _guess(
    FlowTable esp, FlowTable talkers, const unsigned char[::1] data, size_t at, size_t length, bint* ours
) except? 0 nogil:
    cdef unsigned long long src_hi = 0
    cdef unsigned long long dst_hi = 0
    cdef unsigned long long src_lo, dst_lo, ports
    cdef unsigned long long ends = 0
    cdef unsigned int protocol
    at += 12
    if u16(data, at) == 0x8100:
        at += 4
    if u16(data, at) == 0x86DD:
        if length < 82:
            return 1
        protocol = u16(data, at + 8) >> 8
        src_hi = u64(data, at + 10)
        src_lo = u64(data, at + 18)
        dst_hi = u64(data, at + 26)
        dst_lo = u64(data, at + 34)
        at += 42
    else:
        protocol = u16(data, at + 10) & 0xFF
        src_lo = u32(data, at + 14)
        dst_lo = u32(data, at + 18)
        at += 22
    if protocol == 17:
        ports = u32(data, at)
        if ports >> 16 == 4500 or (ports & 0xFFFF) == 4500:
            ends = ports << 32 | u32(data, at + 8)
    elif protocol == 50:
        ends = u32(data, at)
    if ends == 0:
        return mixed5(talkers._seed, src_hi, src_lo, 0, 0, 0)
    ours[0] = True
    return mixed5(esp._seed, src_hi, src_lo, dst_hi, dst_lo, ends)


cdef inline void _bring_slot(FlowTable table, unsigned long long found) noexcept nogil:
    _bring(&table._slots[(found >> 32) & table._mask])


# The row that a search will find; the next new one, counted by `new`, where it will find none.
cdef inline void _bring_row(FlowTable table, unsigned long long found, size_t* new) noexcept nogil:
    cdef unsigned long long tag = found >> 32
    cdef size_t slot = tag & table._mask
    cdef size_t row
    if table._mask >= <size_t> table._slots.shape[0]:
        return
    while table._slots[slot] != 0 and table._slots[slot] >> 32 != tag:
        slot = (slot + 1) & table._mask
    row = <unsigned int> table._slots[slot]
    if row == 0:
        row = table._count + new[0]
        new[0] += 1
    else:
        row -= 1
    if row < table._room:
        _bring(&table._words[row * WIDTH])
        _bring(&table._words[row * WIDTH + WIDTH // 2])
