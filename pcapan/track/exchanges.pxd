# C types for exchanges.py.
cimport cython

cdef long long _GAP


@cython.final
cdef class Half:
    cdef readonly unsigned int count
    cdef unsigned int _file
    cdef unsigned long long _frame
    cdef readonly long long first_ts
    cdef readonly long long sent_ts
    cdef list _repeats
    cdef readonly dict fragments
    cdef readonly int whole
    cdef readonly int lengths
    cdef readonly unsigned int fragments_total

    @cython.locals(octets=cython.longlong)
    cdef long long octets(self) except? 1

    @cython.locals(known=cython.bint)
    cdef bint add(
        self,
        unsigned int file,
        unsigned long long frame,
        long long ts,
        int length,
        int encrypted,
        unsigned int number,
        unsigned int total,
    ) except -1


@cython.final
cdef class Exchange:
    cdef readonly int kind
    cdef readonly long long message_id
    cdef readonly bint by_client
    cdef readonly long long first_ts
    cdef readonly long long last_ts
    cdef readonly Half request
    cdef readonly Half response
    cdef readonly unsigned long long repeats_after_response

    cdef int begin(self, int kind, long long message_id, bint by_client, long long ts) except -1

    @cython.locals(half=Half)
    cdef int add(
        self,
        bint is_response,
        unsigned int file,
        unsigned long long frame,
        long long ts,
        int length,
        int encrypted,
        unsigned int number,
        unsigned int total,
    ) except -1
