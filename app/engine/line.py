"""One attempt at a call: its connection, what is known of the other end, and its sound.

A line is used once. What its connection tells arrives on the network thread and goes on to the
engine with the line itself, so that a line given up can be told from the present one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from app import VERSION
from app.audio.backend import AudioBackend
from app.core.control import ByeReason, CallMessage, Hello, Mute, Report, encode_control
from app.core.meter import Clock, EndLatency, Meter
from app.core.models import agree
from app.core.settings import Settings
from app.core.state import CallReading, Notice, PeerView
from app.engine.call import Call
from app.engine.model import OwnModel
from app.net import state as net_state
from app.net.config import NetworkConfig
from app.net.peer import PeerConnection
from codec.model.codec import Codec

log = logging.getLogger(__name__)


class Exchange(Protocol):
    """What a line tells its engine. All but `say` come on the network thread."""

    def connecting(self, line: Line) -> None: ...

    def connected(self, line: Line) -> None: ...

    def agreed(self, line: Line, model: OwnModel) -> None: ...

    def peer_changed(self, line: Line) -> None: ...

    def over(self, line: Line, reason: str, *, failed: bool, bye: ByeReason) -> None: ...

    def say(self, notice: Notice) -> None: ...


class Line:
    """Made on the network thread's loop, where its connection lives.

    `models` are what this end can speak with, best first; `calls` says whether the invite is its.
    """

    def __init__(
        self,
        models: Sequence[OwnModel],
        config: NetworkConfig,
        name: str,
        exchange: Exchange,
        clock: Clock,
        *,
        calls: bool,
    ) -> None:
        self.config = config
        self._models, self._name, self._exchange, self._clock = models, name, exchange, clock
        self._calls = calls
        self._has_greeted = False
        self.view: PeerView | None = None
        self._meter = Meter(clock)
        self._call: Call | None = None
        self._hung_up = False
        self._lock = threading.Lock()
        self.peer = PeerConnection(
            config,
            on_voice=self._voice_came,
            on_control=self._control_came,
            on_state=self._state_came,
            on_wire=self._wire_moved,
            on_payload=self._payload_moved,
            on_pong=self._pong_came,
            own_latency=lambda: call.own_latency() if (call := self._call) else EndLatency(),
        )

    @property
    def call(self) -> Call | None:
        """The call's sound, once it is open."""
        return self._call

    def reading(self) -> CallReading | None:
        """Every meter now; None while there is no sound."""
        call = self._call
        return call.reading(self.peer.stats()) if call is not None else None

    def tell_mute(self, muted: bool) -> None:
        """Tell the other end whether it will hear anything. On the network thread."""
        self.peer.send_control(encode_control(Mute(muted)))

    def send_voice(self, data: bytes) -> None:
        """Send a packet. On the network thread."""
        self.peer.send_voice(data)

    # Sound, on the devices thread

    def open_sound(
        self,
        codec: Codec,
        backend: AudioBackend,
        settings: Settings,
        *,
        send_voice: Callable[[bytes], object],
        is_muted: Callable[[], bool],
        on_input_end: Callable[[], None],
    ) -> None:
        """Open the devices and begin to speak and listen, unless it is over already."""
        if self._hung_up:
            return
        call = Call(
            codec,
            backend,
            settings,
            send_voice=send_voice,
            is_muted=is_muted,
            meter=self._meter,
            clock=self._clock,
            say=self._exchange.say,
            on_input_end=on_input_end,
            backlog=lambda: self.peer.voice_backlog,
        )
        call.start()
        with self._lock:
            if not self._hung_up:
                self._call = call
                return
        call.stop()

    def close_sound(self) -> None:
        """Stop speaking and listening and let go of the devices; waits a few seconds at most."""
        with self._lock:
            self._hung_up = True
            call, self._call = self._call, None
        if call is not None:
            call.stop()

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
                self._update_view(reachable=True, route=route)
            case net_state.Unresponsive(seconds=seconds):
                self._update_view(reachable=False)
                words = f"Nothing came from the other side for {seconds:.0f} s."
                self._exchange.say(Notice("warning", words))
            case net_state.Disconnected(here=True):
                pass  # Whoever closed it says why the call ends.
            case net_state.Disconnected(reason=reason, bye=bye):
                self._over(reason, failed=bye is None)
            case net_state.Failed():
                self._over(state.reason, failed=True)

    def _over(self, reason: str, *, failed: bool, bye: ByeReason = ByeReason.OTHER) -> None:
        self._exchange.over(self, reason, failed=failed, bye=bye)

    def _begin(self, route: str) -> None:
        best = self._models[0]
        self._meter = Meter(self._clock)  # What set-up cost is not the call's.
        self.view = PeerView("", "", False, False, True, route)
        hello = Hello(
            self._name,
            VERSION,
            best.offer.model_id,
            best.title,
            best.output_rate,
            model_digest=best.offer.digest,
            offers=tuple(model.offer for model in self._models),
        )
        self.peer.send_control(encode_control(hello))
        self._exchange.connected(self)

    def _control_came(self, message: CallMessage) -> None:
        match message:
            case Hello():
                self._greeted(message)
            case Mute(muted=muted):
                self._update_view(muted=muted)
            case Report():
                if (call := self._call) is not None:
                    call.report(message)

    def _greeted(self, theirs: Hello) -> None:
        first, self._has_greeted = not self._has_greeted, True
        self._update_view(name=theirs.name, voice_changed=theirs.voice_changed)
        if not first:
            return  # What a second hello says of models comes too late.
        model = self._common(theirs)
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
        if (call := self._call) is not None:
            call.listening.receive(data)
            if (report := call.listening.due_report()) is not None:
                self.peer.send_control(encode_control(report))

    def _wire_moved(self, up: int, down: int) -> None:
        if up:
            self._meter.sent_wire(up)
        if down:
            self._meter.received_wire(down)

    def _payload_moved(self, up: int, down: int) -> None:
        if up:
            self._meter.sent_payload(up)
        if down:
            self._meter.received_payload(down)

    def _pong_came(self, round_trip: float, theirs: EndLatency) -> None:
        if (call := self._call) is not None:
            call.pong(round_trip, theirs)

    def _update_view(self, **changes: Any) -> None:
        if self.view is not None:
            self.view = replace(self.view, **changes)
            self._exchange.peer_changed(self)


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
