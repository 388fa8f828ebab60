"""The IKE numbers that the program's own logic depends on.

Knows the values of the IANA registry "Internet Key Exchange Version 2 (IKEv2) Parameters" that
code compares with. Names for people are in `pcapan.decode.names`.
"""

from __future__ import annotations

IKE_PORT = 500
NAT_T_PORT = 4500
"""RFC 3948: IKE behind a four-byte zero marker, ESP, and one-byte keepalives share this port."""

# Exchange types
IKE_SA_INIT = 34
IKE_AUTH = 35
CREATE_CHILD_SA = 36
INFORMATIONAL = 37
IKE_SESSION_RESUME = 38
IKE_INTERMEDIATE = 43

# Header flags, RFC 7296 section 3.1
FLAG_INITIATOR = 0x08
FLAG_VERSION = 0x10
FLAG_RESPONSE = 0x20

# Payload types
PAYLOAD_SA = 33
PAYLOAD_KE = 34
PAYLOAD_NONCE = 40
PAYLOAD_NOTIFY = 41
PAYLOAD_VENDOR_ID = 43
PAYLOAD_ENCRYPTED = 46
PAYLOAD_ENCRYPTED_FRAGMENT = 53

# Notify message types, errors
INVALID_IKE_SPI = 4
NO_PROPOSAL_CHOSEN = 14
INVALID_KE_PAYLOAD = 17

# Notify message types, status
FIRST_STATUS_NOTIFY = 16384
NAT_DETECTION_SOURCE_IP = 16388
NAT_DETECTION_DESTINATION_IP = 16389
COOKIE = 16390
REDIRECT = 16407
IKEV2_FRAGMENTATION_SUPPORTED = 16430
