# cython: boundscheck=False, wraparound=False
# The compiled twin of ahead.py. What is guessed from a frame is read within its bounds; a place in a table is
# only handed to the processor, never read, but for a slot, whose number is masked and compared.
cimport cython

from pcapan.octets cimport Held, be16_of, be32_of, be64_of, held, mixed5, span
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
    _ENOUGH = 70  # octets of a frame


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
) noexcept nogil:
    cdef unsigned long long hashes[AHEAD]
    cdef bint ours[AHEAD]
    cdef size_t count = 0
    cdef size_t new_flows = 0
    cdef size_t new_talkers = 0
    cdef size_t index
    cdef Held frame
    if end > <size_t> offsets.shape[0] or end > <size_t> lengths.shape[0]:
        return 0
    while first < end and count < AHEAD:
        frame = held(span(data, offsets[first], offsets[first] + lengths[first]), 0, _ENOUGH)
        if frame:
            ours[count] = _guess(esp, talkers, frame, &hashes[count])
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


# The hash of the key that a frame, of which `_ENOUGH` octets are held, will have in the table of ESP (True) or of
# talkers. The last octet read is the 70th: 14 of Ethernet, 4 of a tag, 40 of IPv6, 8 of UDP and an SPI.
cdef inline bint _guess(FlowTable esp, FlowTable talkers, Held frame, unsigned long long* found) noexcept nogil:
    cdef unsigned long long src_hi = 0
    cdef unsigned long long dst_hi = 0
    cdef unsigned long long src_lo, dst_lo
    cdef unsigned long long ends = 0
    cdef unsigned int protocol, ports
    frame += 12
    if be16_of(frame, 0) == 0x8100:
        frame += 4
    if be16_of(frame, 0) == 0x86DD:
        protocol = be16_of(frame, 8) >> 8
        src_hi = be64_of(frame, 10)
        src_lo = be64_of(frame, 18)
        dst_hi = be64_of(frame, 26)
        dst_lo = be64_of(frame, 34)
        frame += 42
    else:
        protocol = be16_of(frame, 10) & 0xFF
        src_lo = be32_of(frame, 14)
        dst_lo = be32_of(frame, 18)
        frame += 22
    if protocol == 17:
        ports = be32_of(frame, 0)
        if ports >> 16 == 4500 or (ports & 0xFFFF) == 4500:
            ends = <unsigned long long> ports << 32 | be32_of(frame, 8)
    elif protocol == 50:
        ends = be32_of(frame, 0)
    if ends == 0:
        found[0] = mixed5(talkers._seed, src_hi, src_lo, 0, 0, 0)
        return False
    found[0] = mixed5(esp._seed, src_hi, src_lo, dst_hi, dst_lo, ends)
    return True


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
