"""What one end must know to reach the other: keys and addresses, in any rendezvous' hands.

The facts of a data-channel-only WebRTC session description, without its text form (app/net/sdp.py
has that). Whoever carries it - a link, a code word, a local network - carries this.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from dataclasses import dataclass

from app.core.errors import UndertoneError

FINGERPRINT_BYTES = 32
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PWD = re.compile(r"[A-Za-z0-9+/]{22,256}")


class DescriptionInvalid(UndertoneError):
    """The other side's connection details make no sense. Ask for a new invite."""


class CandidateKind(enum.IntEnum):
    """How an address was found (RFC 8445 section 5.1.1)."""

    HOST = 0
    REFLEXIVE = 1
    RELAYED = 2


class Setup(enum.IntEnum):
    """Who begins the DTLS handshake (RFC 8842): either, the sender of this, or the other."""

    ACTPASS = 0
    ACTIVE = 1
    PASSIVE = 2


@dataclass(frozen=True)
class Candidate:
    """A UDP address an end may be reached at. `address` is an IPv4 or IPv6 literal."""

    kind: CandidateKind
    address: str
    port: int

    def __post_init__(self) -> None:
        try:
            parsed = ipaddress.ip_address(self.address)
        except ValueError:
            raise DescriptionInvalid from None
        if "%" in self.address or not 1 <= self.port <= 0xFFFF:
            raise DescriptionInvalid
        object.__setattr__(self, "address", str(parsed))

    @property
    def is_ipv6(self) -> bool:
        """Whether the address is an IPv6 one."""
        return ":" in self.address

    @property
    def is_loopback(self) -> bool:
        """Whether only this same computer can reach the address."""
        return ipaddress.ip_address(self.address).is_loopback

    @property
    def is_private(self) -> bool:
        """Whether only the same local network can reach the address."""
        return ipaddress.ip_address(self.address).is_private


@dataclass(frozen=True)
class Description:
    """How to reach an end and know that it is the one.

    `ufrag` and `pwd` are its ICE credentials (RFC 8445), `fingerprint` the SHA-256 of its DTLS
    certificate, `candidates` its addresses. Raises `DescriptionInvalid` when one is malformed.
    """

    ufrag: str
    pwd: str
    fingerprint: bytes
    setup: Setup
    candidates: tuple[Candidate, ...]

    def __post_init__(self) -> None:
        if not (_UFRAG.fullmatch(self.ufrag) and _PWD.fullmatch(self.pwd)):
            raise DescriptionInvalid
        if len(self.fingerprint) != FINGERPRINT_BYTES:
            raise DescriptionInvalid
