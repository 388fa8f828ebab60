# C types for natd_lanes.py. Arrays of fixed size on the stack, which only loops with constant ends reach.
cimport cython

from pcapan.octets cimport turned

cdef unsigned int _unsigned(unsigned int number) noexcept nogil

@cython.locals(at=cython.size_t)
cdef void _expand(unsigned int *words, size_t start) noexcept nogil

@cython.locals(lane=cython.size_t, turned=cython.uint, chosen=cython.uint)
cdef void _choose(
    const unsigned int *a, unsigned int *b, const unsigned int *c, const unsigned int *d, unsigned int *e,
    unsigned int word, const unsigned int *changes, size_t at, unsigned int constant) noexcept nogil

@cython.locals(lane=cython.size_t, turned=cython.uint, parity=cython.uint)
cdef void _parity(
    const unsigned int *a, unsigned int *b, const unsigned int *c, const unsigned int *d, unsigned int *e,
    unsigned int word, const unsigned int *changes, size_t at, unsigned int constant) noexcept nogil

@cython.locals(lane=cython.size_t, turned=cython.uint, majority=cython.uint)
cdef void _majority(
    const unsigned int *a, unsigned int *b, const unsigned int *c, const unsigned int *d, unsigned int *e,
    unsigned int word, const unsigned int *changes, size_t at, unsigned int constant) noexcept nogil

# The part of PCs that has wider vectors gets a copy of its own, chosen when the module is loaded.
cdef extern from *:
    """
    #if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
    static PY_LONG_LONG pcapan_natd_find(
        unsigned PY_LONG_LONG, unsigned PY_LONG_LONG, unsigned int, unsigned int, unsigned int,
        const unsigned int *, size_t) __attribute__((target_clones("avx2", "default")));
    #endif
    """

@cython.locals(
    base="unsigned int[80]",
    words="unsigned int[80]",
    groups="unsigned int[1280]",
    changes="unsigned int[1280]",
    a="unsigned int[16]",
    b="unsigned int[16]",
    c="unsigned int[16]",
    d="unsigned int[16]",
    e="unsigned int[16]",
    va=cython.uint,
    vb=cython.uint,
    vc=cython.uint,
    vd=cython.uint,
    ve=cython.uint,
    made=cython.uint,
    fits=cython.uint,
    address=cython.uint,
    block=cython.size_t,
    group=cython.size_t,
    lane=cython.size_t,
    at=cython.size_t,
)
cdef long long _find "pcapan_natd_find" (
    unsigned long long spi_i, unsigned long long spi_r, unsigned int port, unsigned int first,
    unsigned int last, const unsigned int *wanted, size_t count) noexcept nogil

@cython.locals(few="unsigned int[16]", at=cython.size_t, count=cython.size_t)
cpdef long long candidate(
    unsigned long long spi_i, unsigned long long spi_r, unsigned int port, unsigned int first,
    unsigned int last, const unsigned int[::1] wanted) except? -2
