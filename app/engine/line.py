"""The line to one peer: its connection, what is known of the peer, and what model it has agreed to.

A line is used once. What its connection tells arrives on the network thread and goes on to the
conference with the line itself, so that a line given up can be told from the present ones.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from app import VERSION
from app.core.allowance import Allowance
from app.core.control import (
    ByeReason,
    CallMessage,
    Hello,
    Mute,
    Report,
)
from app.core.control_format import encode_control
from app.core.meter import Clock, EndLatency, Meter
from app.core.models import ModelOffer, agree
from app.core.state import Notice, PeerReading, PeerView
from app.engine.call import Call
from app.engine.model import OwnModel
from app.engine.part import Part
from app.net import state as net_state
from app.net.config import NetworkConfig
from app.net.peer import PeerConnection

log = logging.getLogger(__name__)

_AT_ONCE, _PER_SECOND = 500, 20.0
"""Messages of a peer. One that was away brings up to a hundred written ones at once, and what else
waited; more than that is no person's doing, and would keep the window from being drawn."""


class Exchange(Protocol):
    """What a line tells its conference, on the network thread."""

    def connecting(self, line: Line) -> None: ...

    def connected(self, line: Line) -> None: ...

    def agreed(self, line: Line, model: OwnModel) -> None: ...

    def peer_changed(self, line: Line) -> None: ...

    def back(self, line: Line) -> None: ...

    def told(self, line: Line, message: CallMessage) -> None: ...

    def over(self, line: Line, reason: str, *, failed: bool, bye: ByeReason) -> None: ...

    def say(self, notice: Notice) -> None: ...


class Line:
    """Made on the network thread's loop, where its connection lives.

    `models` are what this end can speak with, best first; `calls` says whether the invite is its.
    All that is counted from when the peer is connected is counted in `total()` too.
    """

    def __init__(
        self,
        line_id: int,
        models: tuple[OwnModel, ...],
        config: NetworkConfig,
        name: str,
        exchange: Exchange,
        clock: Clock,
        total: Callable[[], Meter],
        *,
        calls: bool,
    ) -> None:
        self.id, self.config = line_id, config
        self._models, self._name, self._exchange, self._clock = models, name, exchange, clock
        self._calls = calls
        self._has_greeted = False
        self.model: OwnModel | None = None
        """The model both ends have agreed on."""
        self.offers: tuple[ModelOffer, ...] = ()
        """The models the peer has."""
        self.view: PeerView | None = None
        """The peer; None before it is connected."""
        self._total = total
        self.meter: Meter | None = None
        self._sound: tuple[Call, Part] | None = None
        self._allowance, self._is_flooding = Allowance(clock, _AT_ONCE, _PER_SECOND), False
        self.peer = PeerConnection(
            config,
            on_voice=self._voice_came,
            on_control=self._control_came,
            on_state=self._state_came,
            on_wire=self._wire_moved,
            on_payload=self._payload_moved,
            on_pong=self._pong_came,
            own_latency=self._own_latency,
        )

    @property
    def who(self) -> str:
        """What to call the peer in a sentence."""
        return (self.view.name.strip() if self.view else "") or "The other side"

    @property
    def part(self) -> Part | None:
        """The peer's part in the call's sound, once that is open."""
        return self._sound[1] if self._sound else None

    def reading(self) -> PeerReading | None:
        """Every meter now; None while there is no sound."""
        if self._sound is None:
            return None
        call, part = self._sound
        return part.reading(self.id, call.own_latency(part), self.peer.stats())

    def take_part(self, call: Call, part: Part) -> None:
        """Be heard and hear through this from now on. On the devices thread."""
        self._sound = call, part
        self._apply_volume()

    def offer(self, models: tuple[OwnModel, ...]) -> None:
        """Have these models to speak with, best first. On the network thread."""
        if models != self._models:
            self._models = models
            if self.view is not None:
                self.tell(self._hello())

    def speaks(self, model: OwnModel) -> None:
        """Both ends speak this model from now on."""
        self.model = model
        self._update_view(model_name=model.title)

    def tell(self, message: CallMessage) -> bool:
        """Send a message; False when it had to be dropped. On the network thread."""
        return self.peer.send_control(encode_control(message))

    def rename(self, name: str) -> None:
        """Have another name for the peer from now on. On the network thread."""
        self._name = name
        if self.view is not None:
            self.tell(self._hello())

    def send_voice(self, data: bytes) -> None:
        """Send a packet. On the network thread."""
        self.peer.send_voice(data)

    def set_volume(self, volume: float) -> None:
        """Play the peer at this gain."""
        self._update_view(volume=volume)
        self._apply_volume()

    def set_silenced(self, silenced: bool) -> None:
        """Do not play the peer at all, or play it again."""
        self._update_view(silenced=silenced)
        self._apply_volume()

    def _apply_volume(self) -> None:
        if (part := self.part) is not None and self.view is not None:
            track = part.hearing.track
            track.volume, track.silenced = self.view.volume, self.view.silenced

    # What the connection tells, on the network thread

    def _state_came(self, state: net_state.PeerState) -> None:
        try:
            self._follow(state)
        except Exception as error:  # Else the call would stand still without a word.
            log.exception("The line failed")
            self._over(f"The call failed inside Undertone: {error}", failed=True)

    def _follow(self, state: net_state.PeerState) -> None:
        match state:
            case net_state.Connecting():
                self._exchange.connecting(self)
            case net_state.Connected(route=route) if self.view is None:
                self._begin(route)
            case net_state.Connected(route=route):
                was_away = self.view is not None and not self.view.reachable
                self._update_view(reachable=True, silent_for=0.0, route=route)
                if was_away:
                    self._exchange.back(self)
            case net_state.Reconnecting(seconds=seconds):
                self._update_view(reachable=False, silent_for=seconds)
                words = f"Nothing came from {_within(self.who)} for {seconds:.0f} s."
                self._exchange.say(Notice("warning", words))
            case net_state.Disconnected(here=True):
                pass  # Whoever closed it says why the call ends.
            case net_state.Disconnected(reason=reason, bye=bye):
                self._over(reason, failed=bye in (None, ByeReason.LOST))
            case net_state.Failed():
                self._over(state.reason, failed=True)

    def _over(self, reason: str, *, failed: bool, bye: ByeReason = ByeReason.OTHER) -> None:
        self._exchange.over(self, reason, failed=failed, bye=bye)

    def _begin(self, route: str) -> None:
        self.meter = Meter(self._clock, total=self._total())
        self.view = PeerView(self.id, "", "", False, False, True, route)
        self.tell(self._hello())
        self._exchange.connected(self)

    def _hello(self) -> Hello:
        best = self._models[0]
        return Hello(
            self._name,
            VERSION,
            best.offer.model_id,
            best.title,
            best.output_rate,
            model_digest=best.offer.digest,
            offers=tuple(model.offer for model in self._models),
        )

    def _control_came(self, message: CallMessage) -> None:
        if not self._allowance.take():
            self._flooded()
            return
        match message:
            case Hello():
                self._greeted(message)
            case Mute(muted=muted):
                self._update_view(muted=muted)
            case Report():
                if (part := self.part) is not None:
                    part.report(message)
            case _:
                self._exchange.told(self, message)

    def _flooded(self) -> None:
        if not self._is_flooding:
            self._is_flooding = True
            words = f"{self.who} sends more messages than anybody could write; some are passed over"
            self._exchange.say(Notice("warning", f"{words}."))

    def _greeted(self, theirs: Hello) -> None:
        first, self._has_greeted = not self._has_greeted, True
        self._update_view(name=theirs.name, voice_changed=theirs.voice_changed)
        self.offers = theirs.models
        if not first:
            return  # It is too late to agree on another.
        self.model = model = self._common(theirs)
        self._update_view(model_name=model.title if model else theirs.model_name)
        if model is not None:
            self._exchange.agreed(self, model)
        else:
            why = _nothing_in_common(theirs, self._models)
            self._over(why, failed=True, bye=ByeReason.MODEL_MISMATCH)

    def _common(self, theirs: Hello) -> OwnModel | None:
        own = [model.offer for model in self._models]
        found = agree(own, theirs.models) if self._calls else agree(theirs.models, own)
        return None if found is None else self._models[found[0 if self._calls else 1]]

    def _voice_came(self, data: bytes) -> None:
        if (part := self.part) is not None:
            part.hearing.receive(data)
            if (report := part.hearing.due_report()) is not None:
                self.tell(report)

    def _wire_moved(self, up: int, down: int) -> None:
        if self.meter is not None:
            if up:
                self.meter.sent_wire(up)
            if down:
                self.meter.received_wire(down)

    def _payload_moved(self, up: int, down: int) -> None:
        if self.meter is not None:
            if up:
                self.meter.sent_payload(up)
            if down:
                self.meter.received_payload(down)

    def _pong_came(self, round_trip: float, theirs: EndLatency) -> None:
        if (part := self.part) is not None:
            part.pong(round_trip, theirs)

    def _own_latency(self) -> EndLatency:
        if self._sound is None:
            return EndLatency()
        call, part = self._sound
        return call.own_latency(part)

    def _update_view(self, **changes: Any) -> None:
        if self.view is not None and self.view != (changed := replace(self.view, **changes)):
            self.view = changed
            self._exchange.peer_changed(self)


def _within(who: str) -> str:
    """A name as it is within a sentence."""
    return "the other side" if who == "The other side" else who


def _nothing_in_common(theirs: Hello, ours: Sequence[OwnModel]) -> str:
    """Why the two ends have no model in common, in a sentence, and what to do."""
    kinds = {offer.model_id for offer in theirs.models}
    for model in ours:
        if model.offer.model_id in kinds:
            return (
                f"The two sides hold different versions of the model {model.title} and have no "
                "other in common. Update Undertone on both sides."
            )
    names = ", ".join(dict.fromkeys(model.title for model in ours))
    return (
        f"The two sides have no model in common: the other likes {theirs.model_name} best, this "
        f"one has {names}. Get the same model on both sides."
    )
