"""What one end must know to reach the other: keys and addresses, in any rendezvous' hands.

The facts of a data-channel-only WebRTC session description, without its text form (app/net/sdp.py
has that). Whoever carries it - a link, a code word, a local network - carries this.
"""

from __future__ import annotations

import enum
import ipaddress
import re
import string
from dataclasses import dataclass

from app.core.errors import UndertoneError

FINGERPRINT_BYTES = 32
MOST_CANDIDATES = 15
_ICE_CHARS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
"""RFC 8445's ice-char set is base64's alphabet, so six bits hold a character."""
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,255}")
_PWD = re.compile(r"[A-Za-z0-9+/]{22,255}")


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

    `ufrag` and `pwd` are its ICE credentials (RFC 8445, but of 255 characters at most),
    `fingerprint` the SHA-256 of its DTLS certificate, `candidates` its addresses. Raises
    `DescriptionInvalid` when one is malformed.
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


def pack_description(description: Description) -> bytes:
    """A description as bytes (PROTOCOL.md, "Links"), with its first 15 addresses."""
    candidates = description.candidates[:MOST_CANDIDATES]
    return (
        bytes((description.setup << 4 | len(candidates),))
        + description.fingerprint
        + _pack_ice(description.ufrag)
        + _pack_ice(description.pwd)
        + b"".join(map(_pack_candidate, candidates))
    )


def unpack_description(data: bytes) -> Description:
    """The description in these bytes. Raises `DescriptionInvalid` for any that are not one."""
    try:
        return read_description(data, 0)[0]
    except (IndexError, ValueError):
        raise DescriptionInvalid from None


def read_description(data: bytes, at: int) -> tuple[Description, int]:
    """The description that begins at a place in `data`, and the place where it ends.

    Raises IndexError, ValueError or `DescriptionInvalid` where there is none.
    """
    reader = _Reader(data, at)
    head = reader.byte()
    fingerprint = reader.take(FINGERPRINT_BYTES)
    ufrag, pwd = reader.ice(), reader.ice()
    candidates = tuple(reader.candidate() for _ in range(head & 0xF))
    return Description(ufrag, pwd, fingerprint, Setup(head >> 4), candidates), reader.at


def _pack_ice(text: str) -> bytes:
    whole = 0
    for char in text:
        whole = whole << 6 | _ICE_CHARS.index(char)
    return bytes((len(text),)) + whole.to_bytes(-(-len(text) * 6 // 8), "big")


def _pack_candidate(candidate: Candidate) -> bytes:
    head = candidate.kind << 4 | (6 if candidate.is_ipv6 else 4)
    address = ipaddress.ip_address(candidate.address).packed
    return bytes((head,)) + address + candidate.port.to_bytes(2, "big")


class _Reader:
    """Takes bytes apart from `at` on. Raises IndexError or ValueError where they make no sense."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self.at = data, at

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self._data):
            raise IndexError
        taken, self.at = self._data[self.at : end], end
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def ice(self) -> str:
        length = self.byte()
        whole = int.from_bytes(self.take(-(-length * 6 // 8)), "big")
        return "".join(
            _ICE_CHARS[whole >> 6 * (length - 1 - index) & 63] for index in range(length)
        )

    def candidate(self) -> Candidate:
        head = self.byte()
        size = {4: 4, 6: 16}.get(head & 0xF)
        if size is None:
            raise ValueError
        address = ipaddress.ip_address(self.take(size))
        return Candidate(
            CandidateKind(head >> 4), str(address), int.from_bytes(self.take(2), "big")
        )
