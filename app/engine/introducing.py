"""Connects those in a call who are not yet connected, through those who are.

All on the network thread. What is decided is decided in core/introductions.py; here it is done.
PROTOCOL.md, "Groups", says how.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Coroutine
from typing import Any, Protocol

from app.core.control import ByeReason, Introduction
from app.core.description import Description, pack_description, unpack_description
from app.core.introductions import Apart, Introductions, Present, Relay, Step
from app.core.state import Notice
from app.engine.line import Line
from app.engine.signalling import Signalling
from app.net.errors import NoAnswerCame

log = logging.getLogger(__name__)

PATIENCE = 30.0
"""Seconds for two who are introduced to be connected: the way there and back and 20 to connect."""


class Host(Protocol):
    """The call in which people are introduced."""

    @property
    def lines(self) -> tuple[Line, ...]: ...

    @property
    def room(self) -> int: ...

    def forget(self, line: Line) -> None: ...

    def close_line(self, line: Line, bye: ByeReason) -> None: ...

    def over(self, line: Line, reason: str, *, failed: bool, bye: ByeReason) -> None: ...

    def spawn(self, work: Coroutine[Any, Any, object]) -> None: ...

    def say(self, notice: Notice) -> None: ...


class Introducing:
    """This end's part in the introductions of one call."""

    def __init__(self, host: Host, signalling: Signalling) -> None:
        self._host, self._signalling = host, signalling
        self._circle = Introductions(secrets.randbits(32))
        self._underway: dict[int, Line] = {}
        """Lines to members that are being connected to."""
        self._told_apart: set[frozenset[int]] = set()
        self._as_set: dict[int, tuple[float, bool]] = {}
        """Volume and silence of members whose line was lost: they may come back on another."""

    def agreed(self, line: Line) -> None:
        """Someone is in the call and speaks its model: tell them who else is."""
        line.tell(self._present_for(line))

    def told(self, line: Line, message: Introduction) -> None:
        """The one at the end of a line speaks of others."""
        match message:
            case Present():
                was_known = self._circle.member_of(line.id) is not None
                self._call_off(self._circle.told(line.id, message))
                is_new = not was_known and self._circle.member_of(line.id) is not None
                if self._underway.get(message.own) is line:
                    del self._underway[message.own]
                if is_new:
                    self._set_as_before(line)
                    self._tell_all(but=line)
                self._look_for_more()
            case Relay() if message.to != self._circle.own:
                self._carry(line, message)
            case Relay(step=Step.OFFER):
                self._answer(line, message)
            case Relay(step=Step.ANSWER):
                self._accept(line, message)
            case Apart():
                self._say_apart(line, message.id)

    def lost(self, line: Line, *, said_bye: bool) -> None:
        """Someone is no longer connected to this end."""
        self._underway = {m: each for m, each in self._underway.items() if each is not line}
        member = self._circle.member_of(line.id)
        if member is not None and line.view is not None:
            self._as_set[member] = line.view.volume, line.view.silenced
        self._call_off(self._circle.lost(line.id, said_bye=said_bye))
        self._tell_all()
        self._look_for_more()

    def failed(self, line: Line, reason: str) -> bool:
        """A line never came about; whether it was one to someone introduced."""
        members = [member for member, each in self._underway.items() if each is line]
        for member in members:
            who = self._circle.name_of(member) or "One who is in the call"
            self._say(f"{who} could not be connected to you; you do not hear each other. {reason}")
            del self._underway[member]
            via = self._circle.failed(member)
            for each in self._host.lines:
                if each.id == via:
                    each.tell(Apart(member))
        return bool(members)

    def _set_as_before(self, line: Line) -> None:
        member = self._circle.member_of(line.id)
        if member is not None and member in self._as_set:
            volume, silenced = self._as_set.pop(member)
            line.set_volume(volume)
            line.set_silenced(silenced)

    # Who is there

    def _present_for(self, line: Line) -> Present:
        names = [(each.id, each.view.name if each.view else "") for each in self._host.lines]
        return self._circle.present_for(line.id, names)

    def _tell_all(self, but: Line | None = None) -> None:
        for line in self._host.lines:
            if line is not but and line.model is not None:
                line.tell(self._present_for(line))

    # Being introduced

    def _look_for_more(self) -> None:
        lines = {line.id: line for line in self._host.lines}
        for member, via in self._circle.to_offer(self._host.room):
            line = self._signalling.introduced_line(calls=True)
            if line is not None:
                self._begin(member, line)
                self._host.spawn(self._offer(member, line, lines[via]))

    def _begin(self, member: int, line: Line) -> None:
        self._underway[member] = line
        asyncio.get_running_loop().call_later(PATIENCE, self._too_late, member, line)

    async def _offer(self, member: int, line: Line, via: Line) -> None:
        offer = await self._signalling.attempt(line, line.peer.create_offer())
        self._send(via, member, Step.OFFER, offer)

    def _answer(self, via: Line, relay: Relay) -> None:
        if self._host.room < 1 or not self._circle.may_answer(via.id, relay):
            log.info("An offer of someone in the call was passed over")
            return
        line = self._signalling.introduced_line(calls=False)
        if line is not None:
            self._begin(relay.sender, line)
            self._host.spawn(self._make_answer(line, via, relay))

    async def _make_answer(self, line: Line, via: Line, relay: Relay) -> None:
        async def answer() -> Description:
            return await line.peer.accept_offer(unpack_description(relay.description))

        own = await self._signalling.attempt(line, answer())
        self._send(via, relay.sender, Step.ANSWER, own)

    def _accept(self, via: Line, relay: Relay) -> None:
        line = self._underway.get(relay.sender)
        if line is None or not self._circle.may_accept(via.id, relay):
            log.info("An answer of someone in the call was passed over")
            return

        async def accept() -> None:
            await line.peer.accept_answer(unpack_description(relay.description))

        self._host.spawn(self._signalling.attempt(line, accept()))

    def _send(self, via: Line, member: int, step: Step, description: Description) -> None:
        via.tell(Relay(member, self._circle.own, step, pack_description(description)))

    def _too_late(self, member: int, line: Line) -> None:
        if self._underway.get(member) is line and line.view is None:
            self._host.over(line, str(NoAnswerCame()), failed=True, bye=ByeReason.OTHER)

    def _call_off(self, members: tuple[int, ...]) -> None:
        """Give up introductions whose end left, or whose carrier did, before an answer came."""
        for member in members:
            if (line := self._underway.pop(member, None)) is not None:
                self._host.forget(line)
                self._host.close_line(line, ByeReason.OTHER)

    # Introducing others

    def _carry(self, line: Line, relay: Relay) -> None:
        """Hand a description on, between two who are both connected to this end."""
        to = self._circle.line_of(relay.to)
        if relay.sender != self._circle.member_of(line.id) or to in (None, line.id):
            log.info("A description for nobody in the call, or of another's name, was not carried")
            return
        for each in self._host.lines:
            if each.id == to:
                each.tell(relay)

    def _say_apart(self, line: Line, member: int) -> None:
        other = next((each for each in self._host.lines if self._is(each, member)), None)
        pair = frozenset((self._circle.member_of(line.id) or 0, member))
        if other is None or other is line or pair in self._told_apart:
            return
        self._told_apart.add(pair)
        one, two = line.who, other.who
        self._say(f"{one} could not be connected to {two}; {one} and {two} do not hear each other.")

    def _is(self, line: Line, member: int) -> bool:
        return self._circle.member_of(line.id) == member

    def _say(self, words: str) -> None:
        self._host.say(Notice("warning", words))
