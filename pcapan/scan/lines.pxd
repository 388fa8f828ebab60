# cython: boundscheck=False, wraparound=False
# The compiled twin of lines.py.
from cpython cimport array
from libc.string cimport memmove

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
    WIDTH = 8


cdef inline int _no_row() except -1 with gil:
    raise IndexError("a row outside its array")


cdef inline unsigned long long* row_of(unsigned long long[::1] words, size_t row) except NULL nogil:
    if row >= <size_t> words.shape[0] // WIDTH:
        _no_row()
        return NULL
    return &words[0] + row * WIDTH


# What the array holds beyond what it held is not initialised.
cdef inline int longer(array.array held, size_t numbers) except -1:
    return array.resize(held, numbers)


cdef inline int grown(array.array held, size_t rows) except -1:
    return longer(held, rows * WIDTH + 7)


# Lines are of 64 octets with all processors that matter; with others rows lie across them, and that is all.
cdef inline size_t begin(unsigned long long[::1] words) noexcept nogil:
    return (-(<size_t> &words[0] // 8)) & 7 if words.shape[0] > 7 else 0


cdef inline int move(unsigned long long[::1] words, size_t rows, size_t before, size_t now) except -1 nogil:
    cdef size_t size = <size_t> words.shape[0]
    if before > 7 or now > 7 or size < 7 or rows > (size - 7) // WIDTH:
        _no_row()
        return -1
    if before != now and rows > 0:
        memmove(&words[now], &words[before], rows * WIDTH * 8)
    return 0


# The place is only handed to the processor, never read.
ctypedef fused Words:
    unsigned long long[::1]
    unsigned int[::1]

cdef inline void bring(Words words, size_t at) noexcept nogil:
    _bring(&words[at])


cdef inline unsigned long long low(unsigned long long word) noexcept nogil:
    return <unsigned int> word


cdef inline unsigned long long left(unsigned long long word, unsigned long long by) noexcept nogil:
    return word << by


cdef inline unsigned long long counted(long long ts) noexcept nogil:
    return <unsigned long long> ts ^ 0x8000000000000000ULL


cdef inline long long time_of(unsigned long long count) noexcept nogil:
    return <long long> (count ^ 0x8000000000000000ULL)
