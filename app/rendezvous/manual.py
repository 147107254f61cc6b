"""Links that people carry: an invite one way, an answer back (PROTOCOL.md, "Links").

A link holds an end's description - keys and addresses - packed to about 100 bytes, as base64url
after `undertone://call/`. Its checksum tells damage from age; it is no protection against forgery,
for a link is only as safe as the channel it is sent over.
"""

from __future__ import annotations

import base64
import datetime
import enum
import hashlib
import re
import secrets
import string
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.core.description import (
    Candidate,
    Description,
    DescriptionInvalid,
    pack_description,
    read_description,
)
from app.core.texts import cut_text, plain_text
from app.rendezvous.base import Letter
from app.rendezvous.errors import (
    AnswerForAnotherCall,
    LinkAltered,
    LinkExpired,
    LinkTooLong,
    LinkTruncated,
    LinkVersionUnsupported,
    NotALink,
    OwnLink,
    WrongLinkKind,
)

PREFIX = "undertone://call/"
LINK_VERSION = 1
LIFETIME = 30 * 60
"""Seconds a link may be used."""
MAX_CANDIDATES = 4
MAX_IPV6 = 2
MAX_NAME_BYTES = 24
CALL_ID_BYTES = 4
CHECKSUM_BYTES = 5
MAX_LINK_BYTES = 255

_FIXED = struct.Struct(f"!I{CALL_ID_BYTES}s")
_PASSED_OVER = frozenset(string.whitespace + "<>\"'`*_\u200b\u200c\u200d\u2060\ufeff\xad") - {"_"}
"""What mail and chat programs put into or around a link."""
_LINK_CHARS = frozenset(string.ascii_letters + string.digits + "-_")

WallClock = Callable[[], float]
"""Unix time in seconds (`time.time`)."""


class LinkKind(enum.IntEnum):
    """Which of the two links of a call."""

    INVITE = 0
    ANSWER = 1


@dataclass(frozen=True)
class Link:
    """A link and all that is in it."""

    kind: LinkKind
    letter: Letter


class ManualRendezvous:
    """Writes and reads the links of this end, and knows its own."""

    def __init__(self, clock: WallClock, lifetime: int = LIFETIME) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._invited: set[bytes] = set()
        self._awaited: bytes | None = None
        self._answered: set[bytes] = set()

    def invite(self, offer: Description, name: str) -> str:
        """The invite to send to the one to be called."""
        call_id = secrets.token_bytes(CALL_ID_BYTES)
        self._invited.add(call_id)
        self._awaited = call_id
        return self._write(LinkKind.INVITE, call_id, offer, name)

    def read_invite(self, text: str) -> Letter:
        """The invite in a pasted text. Raises a `LinkError`."""
        link = self._read(text)
        if link.kind is not LinkKind.INVITE:
            raise WrongLinkKind(
                "This is an answer, and an invite is needed here. Paste the answer where you made "
                "the invite it belongs to."
            )
        return link.letter

    def answer(self, invite: Letter, answer: Description, name: str) -> str:
        """The answer to send back to the one who invited."""
        self._answered.add(answer.fingerprint)
        return self._write(LinkKind.ANSWER, invite.call_id, answer, name)

    def read_answer(self, text: str) -> Letter:
        """The answer to this end's newest invite in a pasted text. Raises a `LinkError`."""
        link = self._read(text)
        if link.kind is not LinkKind.ANSWER:
            raise WrongLinkKind(
                "This is an invite, and an answer is needed here. Ask the other person to paste "
                "your invite into Undertone and to send you the answer it shows."
            )
        if link.letter.call_id != self._awaited:
            raise AnswerForAnotherCall
        return link.letter

    def expires_at(self) -> int:
        """When a link made now expires, in Unix time."""
        return int(self._clock()) + self._lifetime

    def _write(self, kind: LinkKind, call_id: bytes, description: Description, name: str) -> str:
        return write_link(Link(kind, Letter(call_id, description, name, self.expires_at())))

    def _read(self, text: str) -> Link:
        link = read_link(text)
        own_invite = link.kind is LinkKind.INVITE and link.letter.call_id in self._invited
        if own_invite or link.letter.description.fingerprint in self._answered:
            raise OwnLink
        if link.letter.expires_at <= self._clock():
            when = datetime.datetime.fromtimestamp(link.letter.expires_at)
            raise LinkExpired(f"The link expired at {when:%H:%M on %d %B %Y}. Ask for a new one.")
        return link


def write_link(link: Link) -> str:
    """A link as text. Keeps the four most useful addresses, and 24 bytes of the name."""
    letter, description = link.letter, link.letter.description
    chosen = replace(description, candidates=choose_candidates(description.candidates))
    name = cut_text(letter.name, MAX_NAME_BYTES)
    fixed = _FIXED.pack(letter.expires_at, letter.call_id)
    body = fixed + pack_description(chosen) + bytes((len(name),)) + name
    size = 2 + len(body) + CHECKSUM_BYTES
    if size > MAX_LINK_BYTES:
        raise LinkTooLong
    whole = bytes((LINK_VERSION << 4 | link.kind, size)) + body
    return PREFIX + base64.urlsafe_b64encode(whole + _checksum(whole)).decode().rstrip("=")


def read_link(text: str) -> Link:
    """The first link in a text. Raises a `LinkError` for every text without a sound one.

    Whether it has expired is for the caller to see.
    """
    data = _find(text)
    body, checksum = data[:-CHECKSUM_BYTES], data[-CHECKSUM_BYTES:]
    if _checksum(body) != checksum:
        raise LinkAltered
    version, kind = data[0] >> 4, data[0] & 0xF
    if version > LINK_VERSION or kind not in LinkKind.__members__.values():
        raise LinkVersionUnsupported(
            "The link is from a newer Undertone. Update Undertone, then paste it again."
        )
    if version < LINK_VERSION:
        raise LinkVersionUnsupported(
            "The link is from an older Undertone. Ask the other person to update theirs."
        )
    try:
        return Link(LinkKind(kind), _letter(body[2:]))
    except (IndexError, ValueError, struct.error, DescriptionInvalid):
        raise LinkAltered from None


def choose_candidates(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """The most useful addresses for a link, at most 4 and at most 2 of them IPv6.

    First one of each kind and IP version, then the others, in their own order; loopback last.
    """
    seen = set()
    first: list[Candidate] = []
    rest: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda candidate: candidate.is_loopback):
        sort = (candidate.kind, candidate.is_ipv6)
        (rest if sort in seen else first).append(candidate)
        seen.add(sort)
    chosen: list[Candidate] = []
    for candidate in first + rest:
        six = sum(other.is_ipv6 for other in chosen)
        if len(chosen) < MAX_CANDIDATES and not (candidate.is_ipv6 and six == MAX_IPV6):
            chosen.append(candidate)
    return tuple(sorted(chosen, key=lambda candidate: candidate.kind))


def _find(text: str) -> bytes:
    """The bytes of the first link in a text, which may be wrapped, quoted or in angle brackets."""
    match = re.search(re.escape(PREFIX), text, re.IGNORECASE)
    if match is None:
        raise NotALink
    letters: list[str] = []
    needed = 4
    for letter in text[match.end() :]:
        if letter in _LINK_CHARS:
            letters.append(letter)
        elif letter not in _PASSED_OVER:
            break
        if len(letters) == 4:
            needed = -(-_decode("".join(letters))[1] * 8 // 6)
        if len(letters) >= max(needed, 4):
            break
    if len(letters) < needed:
        raise LinkTruncated
    data = _decode("".join(letters[:needed]))
    if len(data) < 2 + _FIXED.size + CHECKSUM_BYTES:
        raise LinkAltered
    return data


def _decode(letters: str) -> bytes:
    if len(letters) % 4 == 1:  # not a length base64 can have, so the length byte is wrong
        raise LinkAltered
    return base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))


def _checksum(data: bytes) -> bytes:
    return hashlib.sha256(b"undertone link" + data).digest()[:CHECKSUM_BYTES]


def _letter(data: bytes) -> Letter:
    """What a link's body says. Raises an error of Python's own where it makes no sense."""
    expires_at, call_id = _FIXED.unpack_from(data)
    description, at = read_description(data, _FIXED.size)
    end = at + 1 + data[at]
    if end > len(data):
        raise IndexError
    return Letter(call_id, description, plain_text(data[at + 1 : end]), expires_at)
