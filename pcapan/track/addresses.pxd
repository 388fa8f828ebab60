# C types for addresses.py.
cdef list _OCTETS


cpdef list texts(list addresses)

cdef str _dotted(unsigned char first, unsigned char second, unsigned char third, unsigned char fourth)
