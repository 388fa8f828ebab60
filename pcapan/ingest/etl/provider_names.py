"""Names of providers that are met in traces of networks, by the bytes of their GUID as they stand on disk.

Knows names only. The GUIDs are public: they are in the manifests of Windows and shown by
``logman query providers``.
"""

from __future__ import annotations

from uuid import UUID

NDIS_CAPTURE = UUID("2ed6006e-4729-4609-b423-3ee7bcd678ef").bytes_le
PKTMON = UUID("4d4f80d9-c8bd-4d73-bb5b-19c90402c5ac").bytes_le
WFP = UUID("0c478c5b-0351-41b1-8c58-4a6737da32e3").bytes_le
INNER_TRAFFIC = UUID("d84521f7-2235-4237-a7c0-14e3a9676286").bytes_le
EVENT_METADATA = UUID("bbccf6c1-6cd1-48c4-80ff-839482e37671").bytes_le
SYSTEM_CONFIG = UUID("9b79ee91-b5fd-41c0-a243-4248e266e9d0").bytes_le

_NAMES = {
    NDIS_CAPTURE: "Microsoft-Windows-NDIS-PacketCapture",
    PKTMON: "Microsoft-Windows-PktMon",
    WFP: "Microsoft-Windows-WFP",
    INNER_TRAFFIC: "Microsoft-Windows-Ras-NdisWanPacketCapture (traffic inside the tunnels, not read)",
    **{
        UUID(guid).bytes_le: name
        for guid, name in {
            "24989972-0967-4e21-a926-93854033638e": "Microsoft-Windows-RRAS",
            "b5325cd6-438e-4ec1-aa46-14f46f2570e4": "Microsoft-Windows-Ras-AgileVpn",
            "c22d1b14-c242-49de-9f17-1d76b8b9c458": "Microsoft-Pef-WFP-MessageProvider",
            "106b464d-8043-46b1-8cb8-e92a0cd7a560": "IKEEXT Trace Provider",
            "106b464a-8043-46b1-8cb8-e92a0cd7a560": "BFE Trace Provider",
            "2f07e2ee-15db-40f1-90ef-9d7ba282188a": "Microsoft-Windows-TCPIP",
            "c91ef675-842f-4fcf-a5c9-6ea93f2e4f8b": "Microsoft-Windows-IPSEC-SRV",
            "e53c6823-7bb8-44bb-90dc-3f86090d48a6": "Microsoft-Windows-Winsock-AFD",
            "1c95126e-7eea-49a9-a3fe-a378b03ddb4d": "Microsoft-Windows-DNS-Client",
            "7dd42a49-5329-4832-8dfd-43d979153a88": "Microsoft-Windows-Kernel-Network",
            "22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716": "Microsoft-Windows-Kernel-Process",
            "dd5ef90a-6398-47a4-ad34-4dcecdef795f": "Microsoft-Windows-HttpService",
            "2a576b87-09a7-520e-c21a-4942f0271d67": "Microsoft-Antimalware-Scan-Interface",
            "68fdd900-4a3e-11d1-84f4-0000f80464e3": "MSNT_SystemTrace",
            "9e814aad-3204-11d2-9a82-006008a86939": "Windows kernel",
            "ed54dff8-c409-4cf6-bf83-05e1e61a09c4": "System configuration",
        }.items()
    },
}

#: Written by Windows itself into every merged file; they say nothing about what the user recorded.
BOOKKEEPING = frozenset(
    (EVENT_METADATA, SYSTEM_CONFIG, UUID("ed54dff8-c409-4cf6-bf83-05e1e61a09c4").bytes_le)
)


def provider_name(guid: bytes) -> str:
    """The name of a provider, or its GUID in braces. `guid` is as on disk."""
    return _NAMES.get(guid) or f"{{{UUID(bytes_le=guid)}}}"
