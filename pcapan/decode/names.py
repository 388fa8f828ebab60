"""Numbers to names for the fields of an IKE message, each table with the registry it comes from.

Knows names only. Must not know what a number means for an analysis (constants the logic compares with are in
`pcapan.decode.numbers`), nor read any bytes. Every function is total: a number without a name gives
``UNKNOWN(240)``, never an exception.

Registries: "IKEv2 Parameters", https://www.iana.org/assignments/ikev2-parameters, for version 2; RFC 2408,
RFC 2409 and RFC 3947 for version 1. What vendors chose for themselves has its source beside it.
"""

from __future__ import annotations

from typing import Final


def _unknown(number: int) -> str:
    return f"UNKNOWN({number})"


# --- Exchange types ---------------------------------------------------------------------------------------

EXCHANGES_V2: Final[dict[int, str]] = {
    34: "IKE_SA_INIT",
    35: "IKE_AUTH",
    36: "CREATE_CHILD_SA",
    37: "INFORMATIONAL",
    38: "IKE_SESSION_RESUME",
    39: "GSA_AUTH",
    40: "GSA_REGISTRATION",
    41: "GSA_REKEY",
    42: "GSA_INBAND_REKEY",
    43: "IKE_INTERMEDIATE",
    44: "IKE_FOLLOWUP_KE",
}

EXCHANGES_V1: Final[dict[int, str]] = {
    0: "None",
    1: "Base",
    2: "Identity Protection (Main Mode)",
    3: "Authentication Only",
    4: "Aggressive",
    5: "Informational",
    6: "Transaction (Config Mode)",
    32: "Quick Mode",
    33: "New Group Mode",
    # AuthIP, Microsoft's relative of IKEv1: [MS-AIPS] section 2.2.1; 245 and 246 also in 3.7.5.1 and 3.1.7.2.
    243: "AuthIP Main Mode",
    244: "AuthIP Quick Mode",
    245: "AuthIP Extended Mode",
    246: "AuthIP Notify",
}


def exchange_name(major_version: int, number: int) -> str:
    """Name of the exchange type `number` (0-255) in a header of that major version (1 or 2)."""
    table = EXCHANGES_V1 if major_version == 1 else EXCHANGES_V2
    return table.get(number) or _unknown(number)


# --- Payload types: (name, notation) ----------------------------------------------------------------------

PAYLOADS_V2: Final[dict[int, tuple[str, str]]] = {
    0: ("No Next Payload", "-"),
    33: ("Security Association", "SA"),
    34: ("Key Exchange", "KE"),
    35: ("Identification - Initiator", "IDi"),
    36: ("Identification - Responder", "IDr"),
    37: ("Certificate", "CERT"),
    38: ("Certificate Request", "CERTREQ"),
    39: ("Authentication", "AUTH"),
    40: ("Nonce", "Nonce"),
    41: ("Notify", "N"),
    42: ("Delete", "D"),
    43: ("Vendor ID", "V"),
    44: ("Traffic Selector - Initiator", "TSi"),
    45: ("Traffic Selector - Responder", "TSr"),
    46: ("Encrypted and Authenticated", "SK"),
    47: ("Configuration", "CP"),
    48: ("Extensible Authentication", "EAP"),
    49: ("Generic Secure Password Method", "GSPM"),
    50: ("Group Identification", "IDg"),
    51: ("Group Security Association", "GSA"),
    52: ("Key Download", "KD"),
    53: ("Encrypted and Authenticated Fragment", "SKF"),
    54: ("Puzzle Solution", "PS"),
}

PAYLOADS_V1: Final[dict[int, tuple[str, str]]] = {
    0: ("No Next Payload", "-"),
    1: ("Security Association", "SA"),
    2: ("Proposal", "P"),
    3: ("Transform", "T"),
    4: ("Key Exchange", "KE"),
    5: ("Identification", "ID"),
    6: ("Certificate", "CERT"),
    7: ("Certificate Request", "CERTREQ"),
    8: ("Hash", "HASH"),
    9: ("Signature", "SIG"),
    10: ("Nonce", "Nonce"),
    11: ("Notification", "N"),
    12: ("Delete", "D"),
    13: ("Vendor ID", "V"),
    14: ("Attributes", "ATTR"),
    15: ("SA KEK Payload", "SAK"),
    16: ("SA TEK Payload", "SAT"),
    17: ("Key Download", "KD"),
    18: ("Sequence Number", "SEQ"),
    19: ("Proof of Possession", "POP"),
    20: ("NAT-D (RFC 3947)", "NAT-D"),
    21: ("NAT-OA (RFC 3947)", "NAT-OA"),
    22: ("Group Associated Policy", "GAP"),
    # Private numbers in wide use: the drafts before RFC 3947, and Cisco's fragmentation (Windows has it too).
    130: ("NAT-D (draft-ietf-ipsec-nat-t-ike)", "NAT-D"),
    131: ("NAT-OA (draft-ietf-ipsec-nat-t-ike)", "NAT-OA"),
    132: ("Fragment (Cisco)", "FRAG"),
}


def payload_name(major_version: int, number: int) -> str:
    """Registry name of the payload type `number` (0-255), such as ``Security Association``."""
    entry = (PAYLOADS_V1 if major_version == 1 else PAYLOADS_V2).get(number)
    return entry[0] if entry else _unknown(number)


def payload_notation(major_version: int, number: int) -> str:
    """The short form the RFCs write exchanges in, such as ``SA`` or ``SKF``."""
    entry = (PAYLOADS_V1 if major_version == 1 else PAYLOADS_V2).get(number)
    return entry[1] if entry else _unknown(number)


# --- Notify message types ---------------------------------------------------------------------------------

NOTIFIES_V2: Final[dict[int, str]] = {
    1: "UNSUPPORTED_CRITICAL_PAYLOAD",
    4: "INVALID_IKE_SPI",
    5: "INVALID_MAJOR_VERSION",
    7: "INVALID_SYNTAX",
    9: "INVALID_MESSAGE_ID",
    11: "INVALID_SPI",
    14: "NO_PROPOSAL_CHOSEN",
    17: "INVALID_KE_PAYLOAD",
    24: "AUTHENTICATION_FAILED",
    34: "SINGLE_PAIR_REQUIRED",
    35: "NO_ADDITIONAL_SAS",
    36: "INTERNAL_ADDRESS_FAILURE",
    37: "FAILED_CP_REQUIRED",
    38: "TS_UNACCEPTABLE",
    39: "INVALID_SELECTORS",
    40: "UNACCEPTABLE_ADDRESSES",
    41: "UNEXPECTED_NAT_DETECTED",
    42: "USE_ASSIGNED_HoA",
    43: "TEMPORARY_FAILURE",
    44: "CHILD_SA_NOT_FOUND",
    45: "INVALID_GROUP_ID",
    46: "AUTHORIZATION_FAILED",
    47: "STATE_NOT_FOUND",
    48: "TS_MAX_QUEUE",
    # Private use. Microsoft's carries a 4-byte Windows error code; the name is the one strongSwan gives it.
    12345: "MS_NOTIFY_STATUS",
    16384: "INITIAL_CONTACT",
    16385: "SET_WINDOW_SIZE",
    16386: "ADDITIONAL_TS_POSSIBLE",
    16387: "IPCOMP_SUPPORTED",
    16388: "NAT_DETECTION_SOURCE_IP",
    16389: "NAT_DETECTION_DESTINATION_IP",
    16390: "COOKIE",
    16391: "USE_TRANSPORT_MODE",
    16392: "HTTP_CERT_LOOKUP_SUPPORTED",
    16393: "REKEY_SA",
    16394: "ESP_TFC_PADDING_NOT_SUPPORTED",
    16395: "NON_FIRST_FRAGMENTS_ALSO",
    16396: "MOBIKE_SUPPORTED",
    16397: "ADDITIONAL_IP4_ADDRESS",
    16398: "ADDITIONAL_IP6_ADDRESS",
    16399: "NO_ADDITIONAL_ADDRESSES",
    16400: "UPDATE_SA_ADDRESSES",
    16401: "COOKIE2",
    16402: "NO_NATS_ALLOWED",
    16403: "AUTH_LIFETIME",
    16404: "MULTIPLE_AUTH_SUPPORTED",
    16405: "ANOTHER_AUTH_FOLLOWS",
    16406: "REDIRECT_SUPPORTED",
    16407: "REDIRECT",
    16408: "REDIRECTED_FROM",
    16409: "TICKET_LT_OPAQUE",
    16410: "TICKET_REQUEST",
    16411: "TICKET_ACK",
    16412: "TICKET_NACK",
    16413: "TICKET_OPAQUE",
    16414: "LINK_ID",
    16415: "USE_WESP_MODE",
    16416: "ROHC_SUPPORTED",
    16417: "EAP_ONLY_AUTHENTICATION",
    16418: "CHILDLESS_IKEV2_SUPPORTED",
    16419: "QUICK_CRASH_DETECTION",
    16420: "IKEV2_MESSAGE_ID_SYNC_SUPPORTED",
    16421: "IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED",
    16422: "IKEV2_MESSAGE_ID_SYNC",
    16423: "IPSEC_REPLAY_COUNTER_SYNC",
    16424: "SECURE_PASSWORD_METHODS",
    16425: "PSK_PERSIST",
    16426: "PSK_CONFIRM",
    16427: "ERX_SUPPORTED",
    16428: "IFOM_CAPABILITY",
    16429: "SENDER_REQUEST_ID",
    16430: "IKEV2_FRAGMENTATION_SUPPORTED",
    16431: "SIGNATURE_HASH_ALGORITHMS",
    16432: "CLONE_IKE_SA_SUPPORTED",
    16433: "CLONE_IKE_SA",
    16434: "PUZZLE",
    16435: "USE_PPK",
    16436: "PPK_IDENTITY",
    16437: "NO_PPK_AUTH",
    16438: "INTERMEDIATE_EXCHANGE_SUPPORTED",
    16439: "IP4_ALLOWED",
    16440: "IP6_ALLOWED",
    16441: "ADDITIONAL_KEY_EXCHANGE",
    16442: "USE_AGGFRAG",
    16443: "SUPPORTED_AUTH_METHODS",
    16444: "SA_RESOURCE_INFO",
    16445: "USE_PPK_INT",
    16446: "PPK_IDENTITY_KEY",
}

NOTIFIES_V1: Final[dict[int, str]] = {
    1: "INVALID-PAYLOAD-TYPE",
    2: "DOI-NOT-SUPPORTED",
    3: "SITUATION-NOT-SUPPORTED",
    4: "INVALID-COOKIE",
    5: "INVALID-MAJOR-VERSION",
    6: "INVALID-MINOR-VERSION",
    7: "INVALID-EXCHANGE-TYPE",
    8: "INVALID-FLAGS",
    9: "INVALID-MESSAGE-ID",
    10: "INVALID-PROTOCOL-ID",
    11: "INVALID-SPI",
    12: "INVALID-TRANSFORM-ID",
    13: "ATTRIBUTES-NOT-SUPPORTED",
    14: "NO-PROPOSAL-CHOSEN",
    15: "BAD-PROPOSAL-SYNTAX",
    16: "PAYLOAD-MALFORMED",
    17: "INVALID-KEY-INFORMATION",
    18: "INVALID-ID-INFORMATION",
    19: "INVALID-CERT-ENCODING",
    20: "INVALID-CERTIFICATE",
    21: "CERT-TYPE-UNSUPPORTED",
    22: "INVALID-CERT-AUTHORITY",
    23: "INVALID-HASH-INFORMATION",
    24: "AUTHENTICATION-FAILED",
    25: "INVALID-SIGNATURE",
    26: "ADDRESS-NOTIFICATION",
    27: "NOTIFY-SA-LIFETIME",
    28: "CERTIFICATE-UNAVAILABLE",
    29: "UNSUPPORTED-EXCHANGE-TYPE",
    30: "UNEQUAL-PAYLOAD-LENGTHS",
    16384: "CONNECTED",
    24576: "RESPONDER-LIFETIME",
    24577: "REPLAY-STATUS",
    24578: "INITIAL-CONTACT",
    36136: "R-U-THERE",  # RFC 3706
    36137: "R-U-THERE-ACK",
}


def notify_name(number: int, major_version: int = 2) -> str:
    """Name of the notify message type `number` (0-65535); the two versions number differently."""
    table = NOTIFIES_V1 if major_version == 1 else NOTIFIES_V2
    return table.get(number) or _unknown(number)


# --- Security protocols and transforms (version 2) --------------------------------------------------------

PROTOCOLS: Final[dict[int, str]] = {
    1: "IKE",
    2: "AH",
    3: "ESP",
    4: "FC_ESP_HEADER",
    5: "FC_CT_AUTHENTICATION",
}

TRANSFORM_ENCR, TRANSFORM_PRF, TRANSFORM_INTEG, TRANSFORM_KE, TRANSFORM_ESN = 1, 2, 3, 4, 5

TRANSFORM_TYPES: Final[dict[int, str]] = {
    TRANSFORM_ENCR: "ENCR",
    TRANSFORM_PRF: "PRF",
    TRANSFORM_INTEG: "INTEG",
    TRANSFORM_KE: "KE",
    TRANSFORM_ESN: "ESN",
    # RFC 9370: up to seven further key exchanges, which use the numbers of type 4.
    **{6 + index: f"ADDKE{index + 1}" for index in range(7)},
}

ENCRYPTION: Final[dict[int, str]] = {
    1: "ENCR_DES_IV64",
    2: "ENCR_DES",
    3: "ENCR_3DES",
    4: "ENCR_RC5",
    5: "ENCR_IDEA",
    6: "ENCR_CAST",
    7: "ENCR_BLOWFISH",
    8: "ENCR_3IDEA",
    9: "ENCR_DES_IV32",
    11: "ENCR_NULL",
    12: "ENCR_AES_CBC",
    13: "ENCR_AES_CTR",
    14: "ENCR_AES_CCM_8",
    15: "ENCR_AES_CCM_12",
    16: "ENCR_AES_CCM_16",
    18: "ENCR_AES_GCM_8",
    19: "ENCR_AES_GCM_12",
    20: "ENCR_AES_GCM_16",
    21: "ENCR_NULL_AUTH_AES_GMAC",
    23: "ENCR_CAMELLIA_CBC",
    24: "ENCR_CAMELLIA_CTR",
    25: "ENCR_CAMELLIA_CCM_8",
    26: "ENCR_CAMELLIA_CCM_12",
    27: "ENCR_CAMELLIA_CCM_16",
    28: "ENCR_CHACHA20_POLY1305",
    29: "ENCR_AES_CCM_8_IIV",
    30: "ENCR_AES_GCM_16_IIV",
    31: "ENCR_CHACHA20_POLY1305_IIV",
}

PRF: Final[dict[int, str]] = {
    1: "PRF_HMAC_MD5",
    2: "PRF_HMAC_SHA1",
    3: "PRF_HMAC_TIGER",
    4: "PRF_AES128_XCBC",
    5: "PRF_HMAC_SHA2_256",
    6: "PRF_HMAC_SHA2_384",
    7: "PRF_HMAC_SHA2_512",
    8: "PRF_AES128_CMAC",
    9: "PRF_HMAC_STREEBOG_512",
}

INTEGRITY: Final[dict[int, str]] = {
    0: "NONE",
    1: "AUTH_HMAC_MD5_96",
    2: "AUTH_HMAC_SHA1_96",
    3: "AUTH_DES_MAC",
    4: "AUTH_KPDK_MD5",
    5: "AUTH_AES_XCBC_96",
    6: "AUTH_HMAC_MD5_128",
    7: "AUTH_HMAC_SHA1_160",
    8: "AUTH_AES_CMAC_96",
    9: "AUTH_AES_128_GMAC",
    10: "AUTH_AES_192_GMAC",
    11: "AUTH_AES_256_GMAC",
    12: "AUTH_HMAC_SHA2_256_128",
    13: "AUTH_HMAC_SHA2_384_192",
    14: "AUTH_HMAC_SHA2_512_256",
}

#: Key exchange methods, formerly Diffie-Hellman groups. The registry has prose; these are the usual names.
KEY_EXCHANGE: Final[dict[int, str]] = {
    0: "NONE",
    1: "MODP-768",
    2: "MODP-1024",
    5: "MODP-1536",
    14: "MODP-2048",
    15: "MODP-3072",
    16: "MODP-4096",
    17: "MODP-6144",
    18: "MODP-8192",
    19: "ECP-256",
    20: "ECP-384",
    21: "ECP-521",
    22: "MODP-1024-160",
    23: "MODP-2048-224",
    24: "MODP-2048-256",
    25: "ECP-192",
    26: "ECP-224",
    27: "BRAINPOOL-224",
    28: "BRAINPOOL-256",
    29: "BRAINPOOL-384",
    30: "BRAINPOOL-512",
    31: "CURVE25519",
    32: "CURVE448",
    33: "GOST3410_2012_256",
    34: "GOST3410_2012_512",
    35: "ML-KEM-512",
    36: "ML-KEM-768",
    37: "ML-KEM-1024",
}

SEQUENCE_NUMBERS: Final[dict[int, str]] = {0: "NO_ESN", 1: "ESN"}

_TRANSFORM_IDS: dict[int, dict[int, str]] = {
    TRANSFORM_ENCR: ENCRYPTION,
    TRANSFORM_PRF: PRF,
    TRANSFORM_INTEG: INTEGRITY,
    TRANSFORM_KE: KEY_EXCHANGE,
    TRANSFORM_ESN: SEQUENCE_NUMBERS,
    **{6 + index: KEY_EXCHANGE for index in range(7)},
}


def protocol_name(number: int) -> str:
    """Name of the security protocol of a proposal, a notify or a delete (0-255)."""
    return PROTOCOLS.get(number) or _unknown(number)


def transform_type_name(number: int) -> str:
    """Short name of a transform type (0-255), such as ``ENCR``."""
    return TRANSFORM_TYPES.get(number) or _unknown(number)


def transform_name(transform_type: int, transform_id: int, key_length: int | None = None) -> str:
    """Name of a transform, such as ``ENCR_AES_CBC-256`` or ``MODP-2048``; `key_length` in bits.

    Without a name it says what it is a number of: ``ENCR_UNKNOWN(1024)``.
    """
    name = _TRANSFORM_IDS.get(transform_type, {}).get(transform_id)
    if name is None:
        kind = TRANSFORM_TYPES.get(transform_type) or f"TYPE{transform_type}"
        name = f"{kind}_{_unknown(transform_id)}"
    return name if key_length is None else f"{name}-{key_length}"


def key_exchange_name(number: int) -> str:
    """Name of the method in a KE payload or in INVALID_KE_PAYLOAD, such as ``ECP-384``."""
    return KEY_EXCHANGE.get(number) or _unknown(number)
