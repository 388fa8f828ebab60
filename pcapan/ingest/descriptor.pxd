# cython: boundscheck=False, wraparound=False
# The compiled twin of descriptor.py.
cdef extern from *:
    """
    #ifdef _WIN32
    #include <io.h>
    static long long pcapan_read(int descriptor, void *to, unsigned int most) {
        return _read(descriptor, to, most);
    }
    #else
    #include <unistd.h>
    static long long pcapan_read(int descriptor, void *to, unsigned int most) {
        return read(descriptor, to, most);
    }
    #endif
    """
    long long pcapan_read(int descriptor, void* to, unsigned int most) noexcept nogil


cdef inline int _no_room() except -1 with gil:
    raise IndexError("octets outside their data")


cdef inline size_t read_into(
    int descriptor, unsigned char[::1] to, size_t at, unsigned int most
) except? 0xFFFFFFFFFFFFFFFFULL nogil:
    cdef size_t size = <size_t> to.shape[0]
    cdef long long got
    if most == 0 or at > size or size - at < most:
        _no_room()
    got = pcapan_read(descriptor, &to[at], most)
    return <size_t> got if got > 0 else 0
