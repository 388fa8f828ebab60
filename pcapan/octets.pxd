# cython: boundscheck=False, wraparound=False
# The compiled twins of octets.py. Every function compares with the length of the data itself, once for all
# the octets it takes, so that a compiled module reads no byte outside its block; those of `Held` compare nothing,
# `held` did.
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.string cimport memcmp, memcpy, memmove


# Loads of a size that the C compiler takes for as small as they are: written with shifts they become one
# instruction too, but only after it decided what to inline.
cdef extern from *:
    """
    #include <string.h>
    #if defined(__GNUC__) && defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    #define PCAPAN_TURNED16 __builtin_bswap16
    #define PCAPAN_TURNED32 __builtin_bswap32
    #define PCAPAN_TURNED64 __builtin_bswap64
    #elif defined(_MSC_VER)
    #include <stdlib.h>
    #define PCAPAN_TURNED16 _byteswap_ushort
    #define PCAPAN_TURNED32 _byteswap_ulong
    #define PCAPAN_TURNED64 _byteswap_uint64
    #endif
    #ifdef PCAPAN_TURNED64
    #define PCAPAN_LOAD(type, bits, from_big, from_little) \
        static inline type pcapan_be##bits(const unsigned char *octets) { \
            type number; memcpy(&number, octets, sizeof number); return from_big(number); } \
        static inline type pcapan_le##bits(const unsigned char *octets) { \
            type number; memcpy(&number, octets, sizeof number); return from_little(number); }
    #define PCAPAN_SAME(number) (number)
    PCAPAN_LOAD(unsigned short, 16, PCAPAN_TURNED16, PCAPAN_SAME)
    PCAPAN_LOAD(unsigned int, 32, PCAPAN_TURNED32, PCAPAN_SAME)
    PCAPAN_LOAD(unsigned long long, 64, PCAPAN_TURNED64, PCAPAN_SAME)
    #else
    #define PCAPAN_LOAD(type, bits) \
        static inline type pcapan_be##bits(const unsigned char *octets) { \
            type number = 0; int at; \
            for (at = 0; at < bits / 8; at++) number = (type) (number << 8 | octets[at]); \
            return number; } \
        static inline type pcapan_le##bits(const unsigned char *octets) { \
            type number = 0; int at; \
            for (at = bits / 8; at > 0; at--) number = (type) (number << 8 | octets[at - 1]); \
            return number; }
    PCAPAN_LOAD(unsigned short, 16)
    PCAPAN_LOAD(unsigned int, 32)
    PCAPAN_LOAD(unsigned long long, 64)
    #endif
    """
    unsigned short _be16 "pcapan_be16"(const unsigned char* octets) noexcept nogil
    unsigned int _be32 "pcapan_be32"(const unsigned char* octets) noexcept nogil
    unsigned long long _be64 "pcapan_be64"(const unsigned char* octets) noexcept nogil
    unsigned short _le16 "pcapan_le16"(const unsigned char* octets) noexcept nogil
    unsigned int _le32 "pcapan_le32"(const unsigned char* octets) noexcept nogil
    unsigned long long _le64 "pcapan_le64"(const unsigned char* octets) noexcept nogil


cdef inline int _outside() except -1 with gil:
    raise IndexError("a number outside its data")


# Refuses `count` octets from `at` on that do not all lie among `size`. A number rather than a pointer comes back:
# the compiler sees that it is never -1, and asks no second time.
cdef inline int fits(size_t size, size_t at, size_t count) except -1 nogil:
    if at > size or size - at < count:
        _outside()
    return 0


# A Python object, as its user reckons with the sign.
cdef inline object address(const unsigned char[::1] data):
    return <size_t> &data[0]


# Each number is taken through a pointer, checked once.
cdef inline unsigned int u16(const unsigned char[::1] data, size_t at) except? 0xFFFFFFFF nogil:
    fits(data.shape[0], at, 2)
    return _be16(&data[0] + at)


cdef inline unsigned int u32(const unsigned char[::1] data, size_t at) except? 0xFFFFFFFF nogil:
    fits(data.shape[0], at, 4)
    return _be32(&data[0] + at)


cdef inline unsigned long long u64(const unsigned char[::1] data, size_t at) except? 0xFFFFFFFFFFFFFFFFULL nogil:
    fits(data.shape[0], at, 8)
    return _be64(&data[0] + at)


cdef inline unsigned int le16(const unsigned char[::1] data, size_t at) except? 0xFFFFFFFF nogil:
    fits(data.shape[0], at, 2)
    return _le16(&data[0] + at)


cdef inline unsigned int le32(const unsigned char[::1] data, size_t at) except? 0xFFFFFFFF nogil:
    fits(data.shape[0], at, 4)
    return _le32(&data[0] + at)


cdef inline unsigned long long le64(const unsigned char[::1] data, size_t at) except? 0xFFFFFFFFFFFFFFFFULL nogil:
    fits(data.shape[0], at, 8)
    return _le64(&data[0] + at)


# Octets that were compared with the length of their data once. A span that does not fit is empty, and of an empty one
# nothing is held: NULL, which whoever asks has to look for.
cdef struct Span:
    const unsigned char* octets
    size_t size

ctypedef const unsigned char* Held


cdef inline Span span(const unsigned char[::1] data, size_t begin, size_t end) noexcept nogil:
    cdef Span found
    found.octets = NULL
    found.size = 0
    if begin < end and end <= <size_t> data.shape[0]:
        found.octets = &data[0] + begin
        found.size = end - begin
    return found


cdef inline Held held(Span span, size_t at, size_t count) noexcept nogil:
    return span.octets + at if at <= span.size and span.size - at >= count else NULL


# Of octets that are held; `at` is a constant, which with the size of the number is at most their count.
cdef inline unsigned int be16_of(Held octets, size_t at) noexcept nogil:
    return _be16(octets + at)


cdef inline unsigned int be32_of(Held octets, size_t at) noexcept nogil:
    return _be32(octets + at)


cdef inline unsigned long long be64_of(Held octets, size_t at) noexcept nogil:
    return _be64(octets + at)


cdef inline unsigned int le32_of(Held octets, size_t at) noexcept nogil:
    return _le32(octets + at)


cdef inline unsigned long long _mix(unsigned long long value, unsigned long long number) noexcept nogil:
    # The xor, multiply and shift of MurmurHash3's last step.
    value = (value ^ number) * 0xFF51AFD7ED558CCDULL
    return value ^ (value >> 32)


cdef inline unsigned long long mixed2(
    unsigned long long seed, unsigned long long a, unsigned long long b
) noexcept nogil:
    return _mix(_mix(seed, a), b)


cdef inline unsigned long long mixed(
    unsigned long long seed, unsigned long long a, unsigned long long b, unsigned long long c,
    unsigned long long d, unsigned long long e, unsigned long long f
) noexcept nogil:
    return _mix(_mix(_mix(_mix(_mix(_mix(seed, a), b), c), d), e), f)


# One multiplication takes longer than all else here: of IPv4 there are two.
cdef inline unsigned long long flow_tag(
    unsigned long long seed, unsigned long long version, unsigned long long src_hi, unsigned long long src_lo,
    unsigned long long dst_hi, unsigned long long dst_lo, unsigned long long ends
) noexcept nogil:
    if version == 4:
        return mixed2(seed, src_lo << 32 | dst_lo, ends) >> 33
    return mixed(seed, src_hi, src_lo, dst_hi, dst_lo, ends, 0) >> 33 | 0x80000000ULL


cdef inline unsigned long long stirred(
    unsigned long long seed, const unsigned char[::1] data, size_t begin, size_t end
) except? 0xFFFFFFFFFFFFFFFFULL nogil:
    cdef unsigned long long value = seed ^ (end - begin)
    cdef unsigned long long second, third, fourth, word
    cdef unsigned long long words[4]
    if begin > end or end > <size_t> data.shape[0]:
        _outside()
    if end - begin >= 32:
        # Four sums beside each other: the processor need not wait for one multiplication to begin the next.
        second, third, fourth = ~seed, seed + 1, ~seed - 1
        while end - begin >= 32:
            memcpy(words, &data[begin], 32)
            value = _mix(value, words[0])
            second = _mix(second, words[1])
            third = _mix(third, words[2])
            fourth = _mix(fourth, words[3])
            begin += 32
        value = _mix(_mix(_mix(value, second), third), fourth)
    while end - begin >= 8:
        memcpy(&word, &data[begin], 8)
        value = _mix(value, word)
        begin += 8
    word = 0
    while begin < end:
        word = word << 8 | data[begin]
        begin += 1
    return _mix(value, word)


cdef inline unsigned long long remainder(
    const unsigned char[::1] data, size_t begin, size_t end
) except? 0xFFFFFFFFFFFFFFFFULL nogil:
    cdef unsigned long long value = 0
    cdef unsigned long long word
    cdef size_t size = end - begin
    if begin > end or end > <size_t> data.shape[0]:
        _outside()
    # The odd octets at the front first, then eight at a time: times 2**64 is a rotation of the 61 bits by three.
    while size & 7:
        value = ((value << 8) & 0x1FFFFFFFFFFFFFFFULL) | (value >> 53)
        value += data[begin]
        begin += 1
        size -= 1
    while begin < end:
        word = u64(data, begin)
        value = ((value << 3) & 0x1FFFFFFFFFFFFFFFULL) | (value >> 58)
        value += (word & 0x1FFFFFFFFFFFFFFFULL) + (word >> 61)
        value = (value & 0x1FFFFFFFFFFFFFFFULL) + (value >> 61)
        begin += 8
    return value if value < 0x1FFFFFFFFFFFFFFFULL else value - 0x1FFFFFFFFFFFFFFFULL


cdef inline int put(
    unsigned char[::1] to, size_t at, const unsigned char[::1] data, size_t begin, size_t end
) except -1 nogil:
    cdef size_t room = <size_t> to.shape[0]
    if begin > end or end > <size_t> data.shape[0] or at > room or room - at < end - begin:
        _outside()
    if begin < end:
        memmove(&to[at], &data[begin], end - begin)
    return 0


cdef inline unsigned int turned(unsigned int word, unsigned int by) noexcept nogil:
    return word << by | word >> (32 - by)


cdef inline bint same(
    const unsigned char[::1] one, size_t at, const unsigned char[::1] other, size_t begin, size_t end
) except -1 nogil:
    cdef size_t room = <size_t> one.shape[0]
    if begin > end or end > <size_t> other.shape[0] or at > room or room - at < end - begin:
        _outside()
    return begin == end or memcmp(&one[at], &other[begin], end - begin) == 0


cdef inline bytes in_network_order(unsigned long long version, unsigned long long hi, unsigned long long lo):
    cdef unsigned char octets[16]
    cdef size_t at
    for at in range(8):
        octets[at] = <unsigned char> (hi >> 8 * (7 - at))
        octets[at + 8] = <unsigned char> (lo >> 8 * (7 - at))
    if version == 4:
        return PyBytes_FromStringAndSize(<const char*> octets + 12, 4)
    return PyBytes_FromStringAndSize(<const char*> octets, 16)


cdef inline bytes cut(const unsigned char[::1] data, size_t begin, size_t end):
    if begin > end or end > <size_t> data.shape[0]:
        _outside()
    return PyBytes_FromStringAndSize(<const char*> &data[begin] if begin < end else NULL, end - begin)
