# C types for keys.py.
cimport cython

from pcapan.octets cimport mixed2
from pcapan.scan.lines cimport bring, longer

cdef size_t _BEGIN, _SPREAD


@cython.final
cdef class KeyTable:
    cdef object _held
    cdef unsigned long long[::1] _keys
    cdef unsigned int[::1] _slots
    cdef unsigned long long _seed
    cdef size_t _count
    cdef size_t _room

    @cython.locals(mask=cython.size_t, slot=cython.size_t, row=cython.size_t, at=cython.size_t)
    cpdef size_t row(
        self, unsigned long long first, unsigned long long second, unsigned long long third
    ) except? -1 nogil

    cpdef int bring_slot(
        self, unsigned long long first, unsigned long long second, unsigned long long third
    ) except -1 nogil

    @cython.locals(row=cython.size_t)
    cpdef int bring_key(
        self, unsigned long long first, unsigned long long second, unsigned long long third
    ) except -1 nogil

    cdef inline unsigned long long _hash(
        self, unsigned long long first, unsigned long long second, unsigned long long third
    ) noexcept nogil

    @cython.locals(
        room=cython.size_t,
        mask=cython.size_t,
        slot=cython.size_t,
        row=cython.size_t,
        at=cython.size_t,
    )
    cdef int _grow(self) except -1
