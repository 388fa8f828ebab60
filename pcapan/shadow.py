"""What compiled modules use of Cython, for runs without it.

Knows the names of the ``cython`` module that pcapan's sources use, so that the same source runs where
it was not compiled and where Cython, which only building needs, is not installed. Must not know who
uses them. C types stand in the ``.pxd`` beside a source, which only the compiler reads.
"""

from __future__ import annotations

from contextlib import nullcontext

#: Whether the importing module runs compiled.
compiled = False

#: Stands around code that needs no Python object, so that other threads may run meanwhile.
nogil = nullcontext()

#: Stands, inside such code, around what needs Python objects after all.
gil = nullcontext()
