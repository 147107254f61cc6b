"""A stand-in for the engine: it goes through the motions of a call without one.

Nothing it shows was measured. It is there for the window's own tests and for pictures of the
window, which say "staged" in their title; calls are tested and measured with the real engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread
from typing import Literal

from app.audio.backend import DeviceInfo
from app.core.chat import Conversation
from app.core.control import Chat
from app.core.errors import Stopped, UndertoneError
from app.core.meter import LatencyParts, MeterReading
from app.core.models import ModelProgress, ModelView, Quality
from app.core.settings import Settings
from app.core.state import (
    Answering,
    CallReading,
    CallState,
    ChatChanged,
    Connecting,
    Ended,
    Event,
    Idle,
    Inviting,
    ModelsChanged,
    ModelWork,
    MuteChanged,
    PeerJoined,
    PeerReading,
    PeerView,
    PreparingAnswer,
    PreparingInvite,
    StateChanged,
    Talking,
)

INVITE = "undertone://call/staged-invite-" + "A7f3kQ9zLm2" * 14
ANSWER = "undertone://call/staged-answer-" + "b8Xw1RtY0pE" * 14
PEER = PeerView(1, "Ben", "staged model", False, False, True, "direct, IPv4")

OTHERS = (
    replace(PEER, id=2, name="Cleo", muted=True, volume=2.0),
    replace(PEER, id=3, name="A name that is much too long", route="relayed", silenced=True),
)


def staged_reading(t: float = 30.0) -> CallReading:
    """Invented figures of a plausible size, `t` seconds into a call."""
    wave = math.sin(t / 3.0)
    whole = _staged_whole(t, wave)
    peer = PeerReading(
        1,
        whole.bandwidth,
        whole.outgoing,
        whole.incoming,
        whole.round_trip_ms,
        whole.output_level,
        whole.chunks_played,
        whole.chunks_concealed,
        whole.chunks_late,
        0,
        True,
        "low delay",
        "balanced",
    )
    return replace(whole, peers=(peer,))


def _staged_whole(t: float, wave: float) -> CallReading:
    up, down = 0.65 if wave > -0.6 else 0.08, 0.65 if wave < 0.75 else 0.05
    return CallReading(
        bandwidth=MeterReading(
            codes_up=up,
            codes_down=down,
            payload_up=2.2 * up,
            payload_down=2.2 * down,
            wire_up=11.6 * up / 0.65 + 1.6,
            wire_down=11.2 * down / 0.65 + 1.7,
            codes_up_total=int(80 * t),
            codes_down_total=int(70 * t),
            payload_up_total=int(180 * t),
            payload_down_total=int(170 * t),
            wire_up_total=int(1500 * t),
            wire_down_total=int(1450 * t),
            seconds=t,
            loss=0.004,
        ),
        outgoing=LatencyParts(20, 80, 16 + wave, 11, 24, 13, 31),
        incoming=LatencyParts(21, 80, 18, 11, 38 + 4 * wave, 12 + wave, 28),
        round_trip_ms=22.0,
        encoder_load=0.21 + 0.02 * wave,
        decoder_load=0.16,
        input_level=-24 + 8 * wave,
        output_level=-31 - 9 * wave,
        chunks_played=int(11 * t),
        chunks_concealed=3,
        chunks_late=1,
        underruns=0,
        input_dropped=0,
        packets_dropped=0,
        wire_measured=True,
    )


def done(result: object = None) -> Future:
    """A future that already has its result."""
    future: Future = Future()
    future.set_result(result)
    return future


def refused(error: BaseException) -> Future:
    """A future that already failed."""
    future: Future = Future()
    future.set_exception(error)
    return future


BUNDLED = ModelView("bundled", "Bundled (staged)", "bundled", 0.8, 8_272_421, "Apache-2.0")
PUBLISHED = ModelView(
    "2k",
    "FocalCodec-Stream 2k",
    "published",
    0.55,
    996_145_764,
    "Apache-2.0",
    Quality(3.88, 0.0463, 0.961, "the authors' own figures, LibriSpeech test-clean"),
    octets_exact=False,
)


@dataclass
class StagedShelf:
    """Models that come and go as a test says: `finish` or `fail` ends what was begun."""

    listen: Callable[[Event], None]
    models: list[ModelView] = field(
        default_factory=lambda: [replace(BUNDLED, on_disk=True), PUBLISHED]
    )
    asked: list[tuple] = field(default_factory=list)
    refusals: dict[str, BaseException] = field(default_factory=dict)
    begun: Future | None = None

    def show(self) -> None:
        """Tell what there is."""
        self.listen(ModelsChanged(tuple(self.models)))

    def now(self, name: str, **how: object) -> None:
        """A model is otherwise than it was."""
        self.models = [replace(m, **how) if m.name == name else m for m in self.models]
        self.show()

    def progress(self, progress: ModelProgress | None) -> None:
        """Tell how far the work is."""
        self.listen(ModelWork(progress))

    def end(self, error: BaseException | None = None) -> None:
        """End what was begun: well, or with an error."""
        begun, self.begun = self.begun, None
        assert begun is not None
        if error is None:
            begun.set_result(None)
        else:
            begun.set_exception(error)
        self.progress(None)

    def see(self) -> Future:
        self.asked.append(("see",))
        self.show()
        return done(tuple(self.models))

    def get(self, name: str) -> Future:
        return self._begin("get", name)

    def take_in(self, path: Path) -> Future:
        return self._begin("take_in", path)

    def stop(self) -> None:
        self.asked.append(("stop",))
        self.end(Stopped())

    def remove(self, name: str) -> Future:
        self.asked.append(("remove", name))
        self.now(name, on_disk=False, partial=0)
        return done()

    def _begin(self, what: str, which: object) -> Future:
        self.asked.append((what, which))
        if what in self.refusals:
            return refused(self.refusals[what])
        self.begun = Future()
        return self.begun


@dataclass
class StagedEngine:
    """Does what it is told and notes it in `asked`; `refusals` makes a command fail."""

    listen: Callable[[Event], None]
    settings: Settings = field(default_factory=lambda: Settings(name="Ada"))
    expires_at: float = 0.0
    state: CallState = field(default_factory=Idle)
    muted: bool = False
    asked: list[tuple] = field(default_factory=list)
    refusals: dict[str, BaseException] = field(default_factory=dict)
    shown: CallReading | None = None
    close_future: Future | None = None
    heard: int = 0
    microphones: list[DeviceInfo] = field(
        default_factory=lambda: [
            DeviceInfo("Built-in microphone", "Staged", True, 1, 48_000),
            DeviceInfo("Headset", "Staged", False, 1, 48_000),
        ]
    )
    loudspeakers: list[DeviceInfo] = field(
        default_factory=lambda: [
            DeviceInfo("Built-in loudspeaker", "Staged", True, 2, 48_000),
            DeviceInfo("Headset", "Staged", False, 2, 48_000),
        ]
    )

    def __post_init__(self) -> None:
        self.chat = Conversation(lambda: 1_700_000_000.0 + 60 * len(self.chat.history))
        self.shelf = StagedShelf(self.tell)

    def tell(self, event: Event) -> None:
        """Tell an event from another thread, as an engine does."""
        thread = Thread(target=self.listen, args=(event,))
        thread.start()
        thread.join()

    def go(self, state: CallState) -> None:
        """Enter a state, in whatever order the scene needs."""
        self.state = state
        self.tell(StateChanged(state))

    def talk(self, peer: PeerView = PEER) -> None:
        """Be connected."""
        self.go(Talking(1.0))
        self.tell(PeerJoined(peer))

    def hear(self, text: str, who: str = "Ben") -> None:
        """Get a written message."""
        self.heard += 1
        self.chat.take(1, who, Chat(self.heard, text))
        self.tell(ChatChanged(self.chat.history))

    def say(self, text: str, becomes: Literal["", "there", "gone"]) -> None:
        """Write a message that is on its way, arrives, or whose peer goes."""
        sent = self.chat.write(self.settings.name, text, [1])
        if becomes == "there":
            self.chat.delivered(1, sent.id)
        elif becomes == "gone":
            self.chat.left(1)
        self.tell(ChatChanged(self.chat.history))

    def create_call(self) -> Future:
        self.go(PreparingInvite())
        return self._do("create_call", lambda: self.go(Inviting(INVITE, self.expires_at)))

    def join(self, link: str) -> Future:
        def answer() -> None:
            self.go(PreparingAnswer())
            self.go(Answering(ANSWER, self.expires_at))

        return self._do("join", answer, link)

    def accept_answer(self, link: str) -> Future:
        return self._do("accept_answer", lambda: self.go(Connecting()), link)

    def invite_another(self) -> Future:
        def invite() -> None:
            assert isinstance(self.state, Talking)
            self.go(replace(self.state, inviting=Inviting(INVITE, self.expires_at)))

        return self._do("invite_another", invite)

    def take_back(self) -> Future:
        def close() -> None:
            assert isinstance(self.state, Talking)
            self.go(replace(self.state, inviting=None))

        return self._do("take_back", close)

    def set_volume(self, peer_id: int, volume: float) -> None:
        self.asked.append(("set_volume", peer_id, volume))

    def set_silenced(self, peer_id: int, silenced: bool) -> None:
        self.asked.append(("set_silenced", peer_id, silenced))

    def hang_up(self) -> Future:
        return self._do("hang_up", lambda: self.go(Ended("You hung up.", False)))

    def reset(self) -> None:
        self.asked.append(("reset",))
        self.go(Idle())

    def set_muted(self, muted: bool) -> None:
        self.asked.append(("set_muted", muted))
        self.muted = muted
        self.tell(MuteChanged(muted))

    def set_name(self, name: str) -> None:
        self.asked.append(("set_name", name))
        self.settings = replace(self.settings, name=name)

    def set_cues(self, on: bool) -> None:
        self.asked.append(("set_cues", on))
        self.settings = replace(self.settings, cues=on)

    def choose_profile(self, name: str) -> None:
        self.asked.append(("choose_profile", name))
        self.settings = replace(self.settings, profile=name)

    def send_chat(self, text: str) -> Future:
        def write() -> None:
            self.chat.write(self.settings.name, text, [1])
            self.tell(ChatChanged(self.chat.history))

        return self._do("send_chat", write, text)

    def change_model(self, name: str) -> Future:
        return self._do("change_model", lambda: None, name)

    def choose_model(self, name: str) -> Future:
        self.settings = replace(self.settings, model=name)
        return self._do("choose_model", lambda: None, name)

    def devices(self) -> Future:
        self.asked.append(("devices",))
        return done((self.microphones, self.loudspeakers))

    def choose_input(self, name: str | None) -> Future:
        self.settings = replace(self.settings, input_device=name)
        return self._do("choose_input", lambda: None, name)

    def choose_output(self, name: str | None) -> Future:
        self.settings = replace(self.settings, output_device=name)
        return self._do("choose_output", lambda: None, name)

    def reading(self) -> CallReading | None:
        return self.shown

    def close(self) -> Future:
        self.asked.append(("close",))
        return self.close_future or done()

    def _do(self, name: str, act: Callable[[], None], *details: object) -> Future:
        self.asked.append((name, *details))
        if name in self.refusals:
            return refused(self.refusals[name])
        act()
        return done()


class StagedError(UndertoneError):
    """This is a staged refusal, in a sentence."""
