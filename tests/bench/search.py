"""One search for a client that has none of 17.9 million private addresses, on one core.

``python tests/bench/search.py SCALE`` prints seconds, the number of addresses, and what was found: None.
"""

from __future__ import annotations

import sys
import time

from pcapan.decode.natd_search import AddressRange, address_range, search


def main(scale: float) -> None:
    """Search everything in vain."""
    whole = map(address_range, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
    ranges = [AddressRange(part.first, part.first + max(1, int(part.size * scale)) - 1) for part in whole]
    began = time.perf_counter()
    found = search(0x0123456789ABCDEF, 0, frozenset({b"\x5a" * 20}), (500,), ranges, lambda: False)
    print(time.perf_counter() - began, sum(part.size for part in ranges), found)


if __name__ == "__main__":
    main(float(sys.argv[1]))
