"""How everybody in a call comes to be connected to everybody else (PROTOCOL.md, "Groups").

Each end tells each other whom it is connected to. Whoever hears of someone new that way connects,
the two descriptions being carried by the one who told: of the two, the end of the lower id makes
the offer, so that they never make one at once. Nothing here sends: the engine does.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MOST_IN_CALL = 8
"""A full mesh: each further one costs every other upstream and processor time."""

MOST_OTHERS = MOST_IN_CALL - 1

MOST_INTRODUCED = 64
"""One member may introduce so many in a call: more than come and go, and each is a connection."""

MOST_RELAYED_BYTES = 1024
"""A description has some 130 bytes; with 15 addresses of IPv6, 700."""


@dataclass(frozen=True)
class Member:
    """One who is in the call: an `id` that is random, new for each call, and a name to show."""

    id: int
    name: str


@dataclass(frozen=True)
class Present:
    """The sender is `own` in this call, and is connected to `others` beside the receiver."""

    own: int
    others: tuple[Member, ...] = ()


class Step(enum.IntEnum):
    """Which half of a connection's setting up is carried."""

    OFFER = 0
    ANSWER = 1


@dataclass(frozen=True)
class Relay:
    """A packed description on its way between two who are not connected, through one who is.

    `sender` and `to` are ids of `Present`.
    """

    to: int
    sender: int
    step: Step
    description: bytes


@dataclass(frozen=True)
class Apart:
    """The sender and the member of this id could not be connected."""

    id: int


@dataclass
class _Attempt:
    name: str
    via: int
    is_answered: bool


class Introductions:
    """Whom one end is to connect to, and through whom. Lines are told apart by the engine's ids.

    `own` is this end's id. Not for several threads at once.
    """

    def __init__(self, own: int) -> None:
        self.own = own
        self._told: dict[int, Present] = {}
        self._attempts: dict[int, _Attempt] = {}
        self._introduced: Counter[int] = Counter()
        self._done_with: set[int] = set()
        """Those who said goodbye, or to whom no way was found: not to be tried again."""

    def told(self, line: int, present: Present) -> tuple[int, ...]:
        """Take what the end of a line says; the members whose introduction is off by it.

        It cannot become someone else: neither this end nor one that is there already.
        """
        is_other = self.line_of(present.own) not in (None, line)
        if present.own == self.own or is_other or self.member_of(line) not in (None, present.own):
            return ()
        self._told[line] = present
        self._attempts.pop(present.own, None)
        known = {member.id for member in present.others}
        return self._call_off(line, lambda member: member not in known)

    def lost(self, line: int, *, said_bye: bool) -> tuple[int, ...]:
        """A line is no more; the members whose introduction is off by it."""
        present = self._told.pop(line, None)
        if present is not None and said_bye:
            self._done_with.add(present.own)
        return self._call_off(line, lambda member: True)

    def failed(self, member: int) -> int | None:
        """No way was found to a member; the line of the one who introduced it, to be told."""
        self._done_with.add(member)
        attempt = self._attempts.pop(member, None)
        return None if attempt is None else attempt.via

    def to_offer(self, room: int) -> list[tuple[int, int]]:
        """Members to make an offer to, at most `room`, each with the line that is to carry it."""
        found: list[tuple[int, int]] = []
        for line, present in self._told.items():
            for member in present.others:
                if len(found) < room and self.own < member.id and self._may_try(line, member.id):
                    self._try(line, member.id, member.name, is_answered=False)
                    found.append((member.id, line))
        return found

    def may_answer(self, line: int, relay: Relay) -> bool:
        """Whether to answer an offer that came on a line; if so, it counts as being answered."""
        name = self._name_told(line, relay.sender)
        if name is None or not relay.sender < self.own or not self._may_try(line, relay.sender):
            return False
        self._try(line, relay.sender, name, is_answered=True)
        return True

    def may_accept(self, line: int, relay: Relay) -> bool:
        """Whether an answer that came on a line is awaited; if so, it is no more."""
        attempt = self._attempts.get(relay.sender)
        if attempt is None or attempt.via != line or attempt.is_answered:
            return False
        attempt.is_answered = True
        return True

    def name_of(self, member: int) -> str:
        """The name of one who is connected to, or heard of; "" where none is known."""
        if (attempt := self._attempts.get(member)) is not None:
            return attempt.name
        names = (m.name for each in self._told.values() for m in each.others if m.id == member)
        return next(names, "")

    def line_of(self, member: int) -> int | None:
        """The line to a member; None where there is none."""
        lines = (line for line, present in self._told.items() if present.own == member)
        return next(lines, None)

    def member_of(self, line: int) -> int | None:
        """The id of the one at the end of a line; None while it was not told."""
        present = self._told.get(line)
        return None if present is None else present.own

    def present_for(self, line: int, names: Iterable[tuple[int, str]]) -> Present:
        """What to tell the end of a line, given all lines with the names at their ends."""
        others = [
            Member(self._told[each].own, name)
            for each, name in names
            if each != line and each in self._told
        ]
        return Present(self.own, tuple(others[:MOST_OTHERS]))

    def _may_try(self, line: int, member: int) -> bool:
        known = member == self.own or member in self._attempts or member in self._done_with
        is_new = not known and self.line_of(member) is None
        return is_new and self._introduced[line] < MOST_INTRODUCED

    def _try(self, line: int, member: int, name: str, *, is_answered: bool) -> None:
        self._introduced[line] += 1
        self._attempts[member] = _Attempt(name, line, is_answered)

    def _name_told(self, line: int, member: int) -> str | None:
        present = self._told.get(line)
        names = (m.name for m in present.others if m.id == member) if present else iter(())
        return next(names, None)

    def _call_off(self, line: int, is_off: Callable[[int], bool]) -> tuple[int, ...]:
        off = tuple(
            member
            for member, attempt in self._attempts.items()
            if attempt.via == line and not attempt.is_answered and is_off(member)
        )
        for member in off:
            del self._attempts[member]
        return off
