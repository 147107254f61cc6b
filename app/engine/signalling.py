"""How the lines of a call come about: invites and answers, by links and by introduction.

All on the network thread.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from app.core.control import ByeReason
from app.core.description import Description
from app.core.errors import UndertoneError
from app.core.meter import Meter
from app.core.models import MAX_OFFERS
from app.core.session import CallFull, CallNotReady, InviteOpen, NoAnswerAwaited, NoInviteOpen
from app.core.settings import Settings
from app.core.state import (
    Answering,
    CallState,
    Connecting,
    Inviting,
    Notice,
    PreparingAnswer,
    PreparingInvite,
    Talking,
)
from app.engine.line import Exchange, Line
from app.engine.means import Means
from app.engine.model import OwnModel
from app.net.config import NetworkConfig
from app.net.diagnosis import unanswered_servers
from app.rendezvous.base import Letter

log = logging.getLogger(__name__)

S = TypeVar("S", bound=CallState)
T = TypeVar("T")


class CallFailed(UndertoneError):
    """The call failed inside Undertone."""


class Host(Exchange, Protocol):
    """The call whose lines they are; each line tells it what happens to it."""

    is_over: bool

    @property
    def model(self) -> OwnModel | None: ...

    @property
    def room(self) -> int: ...

    @property
    def state(self) -> CallState: ...

    def go(self, state: S) -> S: ...

    def talking(self, **changes: object) -> None: ...

    def add(self, line: Line) -> None: ...

    def has(self, line: Line) -> bool: ...

    def forget(self, line: Line) -> None: ...

    def total(self) -> Meter: ...

    def give_up(self, reason: str) -> None: ...


class Signalling:
    """This end's part in the signalling of one call. At most one invite is open at a time."""

    def __init__(self, host: Host, means: Means, settings: Callable[[], Settings]) -> None:
        self._host, self._means, self._settings = host, means, settings
        self._ids = itertools.count(1)
        self._invited: Line | None = None

    # By links

    async def create(self) -> Inviting:
        """Make the call's first invite."""
        self._host.go(PreparingInvite())
        line = self._first_line(calls=True)
        return self._host.go(await self.attempt(line, self._invite(line)))

    async def join(self, letter: Letter) -> Answering:
        """Answer the invite of someone who is in a call, or begins one."""
        self._host.go(PreparingAnswer())
        line = self._first_line(calls=False)

        async def answer() -> Answering:
            own = await line.peer.accept_offer(letter.description)
            self._warn_of_servers(line, own)
            link = self._means.rendezvous.answer(letter, own, self._settings().name)
            return Answering(link, self._means.rendezvous.expires_at())

        return self._host.go(await self.attempt(line, answer()))

    async def invite_another(self) -> Inviting:
        """Make an invite for one more."""
        if self._invited is not None:
            raise InviteOpen
        if (model := self._host.model) is None:
            raise CallNotReady
        if self._host.room < 1:
            raise CallFull
        # All speak one model, that of the first two: there is one encoder for all.
        line = self._new_line((model,), calls=True)
        self._invited = line
        inviting = await self.attempt(line, self._invite(line))
        self._host.talking(inviting=inviting)
        return inviting

    async def accept(self, link: str) -> None:
        """Take the answer to the open invite and begin to connect."""
        line = self._invited
        if line is None or not isinstance(self._host.state, Inviting | Talking):
            raise NoAnswerAwaited
        answer: Description = self._means.rendezvous.read_answer(link).description
        self._invited = None  # A bad link changed nothing.
        if isinstance(self._host.state, Inviting):
            self._host.go(Connecting())
        else:
            self._host.talking(inviting=None)
        await self.attempt(line, line.peer.accept_answer(answer))

    async def take_back(self) -> None:
        """Take the open invite for one more back."""
        line = self._invited
        if line is None or not isinstance(self._host.state, Talking):
            raise NoInviteOpen
        self._host.forget(line)
        await line.peer.close()

    def forgotten(self, line: Line) -> None:
        """A line is out of the call, and so is the invite that was for it."""
        if self._invited is line:
            self._invited = None
            self._host.talking(inviting=None)

    async def _invite(self, line: Line) -> Inviting:
        self._invited = line
        offer = await line.peer.create_offer()
        self._warn_of_servers(line, offer)
        link = self._means.rendezvous.invite(offer, self._settings().name)
        return Inviting(link, self._means.rendezvous.expires_at())

    # By introduction

    def introduced_line(self, *, calls: bool) -> Line | None:
        """A line to someone this end is introduced to; None where there can be none."""
        model = self._host.model
        if self._host.is_over or model is None or self._host.room < 1:
            return None
        # Both are in the call already, so that the first is what they agree on.
        return self._new_line(self.offered(model), calls=calls)

    def offered(self, model: OwnModel) -> tuple[OwnModel, ...]:
        """What is offered in a call that speaks this model: that, then what it may change to."""
        others = (own for own in self._means.models.own() if own.offer != model.offer)
        return (model, *others)[:MAX_OFFERS]

    # Small parts

    def _first_line(self, *, calls: bool) -> Line:
        try:
            return self._new_line(self._means.models.own(), calls=calls)
        except Exception as error:  # As for a server that is misspelt.
            self._host.give_up(str(error))
            raise

    def _new_line(self, models: tuple[OwnModel, ...], *, calls: bool) -> Line:
        line = Line(
            next(self._ids),
            models,
            NetworkConfig.of(self._settings(), loopback=self._means.loopback),
            self._settings().name,
            self._host,
            self._means.clock,
            self._host.total,
            calls=calls,
        )
        self._host.add(line)
        return line

    async def attempt(self, line: Line, work: Awaitable[T]) -> T:
        """Do `work` for a line; when it fails, the line is over, and the call with its last."""
        try:
            result = await work
        except Exception as error:
            if not self._host.has(line):
                raise asyncio.CancelledError from error  # Hung up meanwhile: not a failure.
            if not isinstance(error, UndertoneError):
                log.exception("A step of the call failed")
                error = CallFailed(f"The call failed inside Undertone: {error}")
            self._host.over(line, str(error), failed=True, bye=ByeReason.OTHER)
            raise error from None
        if not self._host.has(line):
            raise asyncio.CancelledError
        return result

    def _warn_of_servers(self, line: Line, own: Description) -> None:
        warning = unanswered_servers(line.config, own)
        if self._host.has(line) and warning is not None:
            self._host.say(Notice("warning", warning))
