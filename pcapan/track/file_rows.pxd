# C types for file_rows.py.
cimport cython

from pcapan.scan.natd_reader cimport NatdReader
from pcapan.track.addresses cimport Texts


@cython.final
cdef class FileRows:
    cdef object index
    cdef object file
    cdef Texts names
    cdef unsigned int[::1] numbers
    cdef list octets
    cdef list shapes
    cdef NatdReader natd
    cdef object hashes
    cdef list mac_pairs
    cdef list asks
    cdef list says
    cdef const unsigned long long[::1] frame
    cdef const long long[::1] ts
    cdef const unsigned int[::1] src
    cdef const unsigned int[::1] dst
    cdef const unsigned short[::1] sport
    cdef const unsigned short[::1] dport
    cdef const unsigned char[::1] ttl
    cdef const unsigned int[::1] macs
    cdef const unsigned char[::1] marks
    cdef const unsigned long long[::1] spi_i
    cdef const unsigned long long[::1] spi_r
    cdef const short[::1] version
    cdef const short[::1] exchange
    cdef const short[::1] flags
    cdef const long long[::1] message_id
    cdef const long long[::1] length
    cdef const unsigned int[::1] encrypted
    cdef const unsigned short[::1] fragment_number
    cdef const unsigned short[::1] fragment_total
    cdef const unsigned long long[::1] digest
    cdef const unsigned int[::1] shape
