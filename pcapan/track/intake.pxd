# C types for intake.py.
cimport cython

from pcapan.decode.natd_digest cimport matches
from pcapan.scan.keys cimport KeyTable
from pcapan.track.exchanges cimport Exchange
from pcapan.track.file_rows cimport FileRows
from pcapan.track.sas cimport IkeSa

cdef int _INIT, _RESPONSE, _CUT, _IKE_PORT
cdef long long _GAP


@cython.final
cdef class Intake:
    cdef frozenset _servers
    cdef object _files
    cdef readonly list attempts
    cdef readonly list sas
    cdef readonly dict ttls
    cdef list _names
    cdef dict _numbers
    cdef KeyTable _attempt_rows
    cdef list _attempts_at
    cdef KeyTable _sa_rows
    cdef list _sas_at
    cdef KeyTable _ttl_rows
    cdef list _ttls
    cdef list _ttl_counts
    cdef KeyTable _spi_rows
    cdef list _first_at
    cdef dict _others_of
    cdef KeyTable _pair_rows
    cdef list _sa_at
    cdef list _stray_answers
    cdef list _odd_requests
    cdef list _old_versions
    cdef readonly list stray_answers
    cdef readonly list odd_requests
    cdef readonly list old_versions

    @cython.locals(continued=set, sa=IkeSa)
    cpdef int settle(self, frozenset both_ways, long long late) except -1

    @cython.locals(files=list, file=cython.size_t, row=cython.size_t)
    cdef int _take_all(self, object timeline) except -1

    @cython.locals(known=cython.uint, name=str)
    cdef size_t _number(self, FileRows rows, size_t index) except? -1

    @cython.locals(kind=cython.int)
    cdef int _take(self, FileRows rows, size_t row) except -1

    @cython.locals(flags=cython.int)
    cdef int _take_special(self, FileRows rows, size_t row) except -1

    @cython.locals(
        src=cython.size_t,
        dst=cython.size_t,
        near=cython.size_t,
        far=cython.size_t,
        client=str,
        port=cython.int,
        ts=cython.longlong,
        flags=cython.int,
        is_response=cython.bint,
        by_client=cython.bint,
        at=cython.size_t,
        sa=IkeSa,
        exchange=Exchange,
    )
    cdef int _take_later(self, FileRows rows, size_t row) except -1

    @cython.locals(at=cython.size_t)
    cdef int _count_ttl(self, size_t client, unsigned int ttl) except -1

    @cython.locals(at=cython.size_t)
    cdef size_t _sa_row(
        self, unsigned long long spi_i, unsigned long long spi_r, unsigned long long server
    ) except? -1

    @cython.locals(sa=IkeSa)
    cdef IkeSa _sa_unknown(self, FileRows rows, size_t row, size_t at, str client, str server)

    @cython.locals(at=cython.size_t)
    cdef size_t _spi_row(self, unsigned long long spi_i) except? -1

    cdef object _first_of(self, unsigned long long spi_i)

    @cython.locals(at=cython.size_t)
    cdef size_t _pair_row(self, unsigned long long spi_i, unsigned long long spi_r) except? -1

    cdef object _attempt_of(self, object spi_i, str server)

    @cython.locals(first=IkeSa)
    cdef IkeSa _elsewhere(self, object spi_i, object spi_r, str server)

    @cython.locals(
        shape_index=cython.size_t,
        is_cut=cython.bint,
        ts=cython.longlong,
        at=cython.size_t,
    )
    cdef object _request(self, FileRows rows, size_t row)

    @cython.locals(ends=cython.ulonglong, at=cython.size_t)
    cdef size_t _attempt_row(
        self, FileRows rows, unsigned long long spi_i, size_t src, size_t dst
    ) except? -1

    @cython.locals(
        spi_i=cython.ulonglong,
        spi_r=cython.ulonglong,
        src=cython.size_t,
        dst=cython.size_t,
        sport=cython.int,
        dport=cython.int,
        near=bytes,
        far=bytes,
        source=tuple,
        destination=tuple,
    )
    cdef object _begin(self, FileRows rows, size_t row, object spi, object request)

    @cython.locals(
        shape_index=cython.size_t,
        accepts=cython.bint,
        came_from=str,
        went_to=str,
        src=cython.size_t,
        dst=cython.size_t,
        sport=cython.int,
        dport=cython.int,
        source=tuple,
        destination=tuple,
    )
    cdef object _response(self, FileRows rows, size_t row)

    @cython.locals(at=cython.size_t, pair=cython.size_t, sa=IkeSa)
    cdef int _open(self, object spi_r, object ts, object attempt) except -1
