"""pcapan tells from a packet capture why Windows Always On VPN (IKEv2) clients cannot connect."""

from __future__ import annotations

__version__ = "0.1.0"
