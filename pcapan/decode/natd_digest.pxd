# C types for natd_digest.py. Arrays of fixed size on the stack, which only loops with constant ends reach.
cimport cython

from pcapan.octets cimport turned


@cython.locals(whole="unsigned char[20]")
cpdef bytes digest(unsigned long long spi_i, unsigned long long spi_r, bytes address, unsigned int port)

@cython.locals(whole="unsigned char[20]", held=bytes, found=cython.bint)
cpdef object matches(
    tuple hashes, unsigned long long spi_i, unsigned long long spi_r, bytes address, unsigned int port)

@cython.locals(at=cython.size_t, differing=cython.uint)
cdef bint _same(const unsigned char *whole, const unsigned char *held) noexcept nogil

cdef unsigned int _unsigned(unsigned int number) noexcept nogil

@cython.locals(
    words="unsigned int[80]",
    size=cython.size_t,
    at=cython.size_t,
    octet=cython.size_t,
    a=cython.uint,
    b=cython.uint,
    c=cython.uint,
    d=cython.uint,
    e=cython.uint,
    h0=cython.uint,
    h1=cython.uint,
    h2=cython.uint,
    h3=cython.uint,
    h4=cython.uint,
    k0=cython.uint,
    k1=cython.uint,
    k2=cython.uint,
    k3=cython.uint,
)
cdef int _hash(
    unsigned char *whole, unsigned long long spi_i, unsigned long long spi_r, bytes address, unsigned int port
) except -1

cdef void _store(unsigned char *octets, size_t at, unsigned int word) noexcept nogil
