"""Addresses as numbers, for asking many of them which networks they belong to.

Knows how the text of an address becomes a number, ten times as fast as `ipaddress`, whose objects nobody
needs for that. Must not know what a network means.
"""

from __future__ import annotations

Numbered = tuple[int, int]
"""IP version and the address as a number."""

_OCTETS = {str(octet): octet for octet in range(256)}


def numbered(address: str) -> Numbered:
    """The number of an address that was made from a packet; raises OSError for what is no address."""
    if ":" in address:
        # The module around this one takes as long to load as a small capture to read.
        try:
            from _socket import AF_INET6, inet_pton
        except ImportError:
            from socket import AF_INET6, inet_pton

        return 6, int.from_bytes(inet_pton(AF_INET6, address), "big")
    try:
        first, second, third, fourth = address.split(".")
        number = _OCTETS[first] << 24 | _OCTETS[second] << 16 | _OCTETS[third] << 8 | _OCTETS[fourth]
    except (KeyError, ValueError):
        raise OSError(f"no IP address: {address!r}") from None
    return 4, number
