"""What every front end drives: one call at a time, from invite to hang-up.

Every public method may be called from any thread and returns at once. What takes time is a
`concurrent.futures.Future`; what happens by itself is an `Event` given to `listen`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar

from app.audio.backend import AudioBackend, DeviceInfo
from app.core.control import ByeReason
from app.core.description import Description
from app.core.errors import UndertoneError
from app.core.meter import Clock
from app.core.profile import profile_named
from app.core.session import AlreadyInCall, NoAnswerAwaited, NoCall, Session
from app.core.settings import Settings
from app.core.state import (
    Answering,
    CallReading,
    CallState,
    Connecting,
    Ended,
    Event,
    Idle,
    InputEnded,
    Inviting,
    MuteChanged,
    Notice,
    PeerChanged,
    PreparingAnswer,
    PreparingInvite,
    StateChanged,
    Talking,
)
from app.engine.line import Line
from app.engine.model import Models, OwnModel
from app.engine.shelf import Shelf
from app.engine.worker import Worker
from app.library.store import Store
from app.net.config import NetworkConfig
from app.net.diagnosis import unanswered_servers
from app.net.errors import NetworkStopped
from app.net.network_thread import NetworkThread
from app.rendezvous.manual import ManualRendezvous
from codec.model.codec import Codec

log = logging.getLogger(__name__)

S = TypeVar("S", bound=CallState)
T = TypeVar("T")

_CLOSE_SECONDS = 4.0
_SHELF_SECONDS = 0.5
"""A model being loaded cannot be stopped, and its thread keeps nobody from leaving."""


class CallFailed(UndertoneError):
    """The call failed inside Undertone."""


class Engine:
    """One call at a time, its devices, its connection. Weights are shared, streams are not.

    `codec` is the model `settings.model` names; a call may use another of the `store`, where both
    ends have that and not this one. `shelf` is for the models themselves.
    """

    def __init__(
        self,
        codec: Codec,
        backend: AudioBackend,
        settings: Settings,
        listen: Callable[[Event], None],
        *,
        store: Store | None = None,
        loopback: bool = False,
        clock: Clock = time.monotonic,
    ) -> None:
        self._backend, self._listen = backend, listen
        self._models = Models(codec, settings.model, store, settings.precision)
        self.shelf = Shelf(self._models, listen, clock)
        self._settings, self._loopback, self._clock = settings, loopback, clock
        self._session = Session()
        self._lock = threading.RLock()
        self._muted = False
        self._line: Line | None = None
        self._last_reading: CallReading | None = None
        self._rendezvous = ManualRendezvous(time.time)
        self._devices = Worker("devices")
        self._network = NetworkThread()
        self._network.start()

    # What front ends see

    @property
    def state(self) -> CallState:
        """Where the call stands."""
        return self._session.state

    @property
    def muted(self) -> bool:
        """Whether the own voice is kept back."""
        return self._muted

    @property
    def settings(self) -> Settings:
        """What was chosen."""
        return self._settings

    def reading(self) -> CallReading | None:
        """Every meter now; after a call, as it ended. None before the sound of a call is open."""
        line = self._line
        reading = line.reading() if line is not None else None
        if reading is not None:
            self._last_reading = reading
        return self._last_reading

    # What front ends do

    def create_call(self) -> Future[Inviting]:
        """Make an invite link. The future raises an `UndertoneError` that says why not.

        It is cancelled when the call is hung up meanwhile; so are those of `join` and
        `accept_answer`.
        """
        return self._on_network(self._create())

    def join(self, link: str) -> Future[Answering]:
        """Read an invite link and make the answer to hand back."""
        return self._on_network(self._join(link))

    def accept_answer(self, link: str) -> Future[None]:
        """Read the answer to our invite and begin to connect."""
        return self._on_network(self._accept(link))

    def hang_up(self) -> Future[None]:
        """End the call, or take the invite back."""
        return self._on_network(self._hang_up())

    def reset(self) -> None:
        """Put an ended call away."""
        with self._lock:
            if not isinstance(self.state, Ended):
                return
            self._session.go(Idle())
        self._listen(StateChanged(Idle()))

    def set_muted(self, muted: bool) -> None:
        """Keep the own voice back, or let it through again."""
        self._muted = muted
        self._network.call_soon(self._tell_mute)
        self._listen(MuteChanged(muted))

    def devices(self) -> Future[tuple[list[DeviceInfo], list[DeviceInfo]]]:
        """The microphones and the loudspeakers of this machine."""
        return self._devices.submit(lambda: (self._backend.inputs(), self._backend.outputs()))

    def choose_input(self, name: str | None) -> Future[None]:
        """Take this microphone, now and in later calls; None follows the system."""
        self._settings = replace(self._settings, input_device=name)
        return self._devices.submit(self._change_device, "microphone", name)

    def choose_output(self, name: str | None) -> Future[None]:
        """Take this loudspeaker, now and in later calls; None follows the system."""
        self._settings = replace(self._settings, output_device=name)
        return self._devices.submit(self._change_device, "loudspeaker", name)

    def choose_model(self, name: str) -> Future[None]:
        """Use this model from the next call on. It is loaded first, which may take seconds."""

        def choose() -> None:
            self._models.choose(name)
            self._settings = replace(self._settings, model=name)
            if (words := self._models.too_slow(name)) is not None:
                self.say(Notice("warning", words))

        return self.shelf.submit(choose)

    def choose_profile(self, name: str) -> None:
        """Fill packets by this profile (one of PROFILE_NAMES), now and in later calls."""
        self._settings = replace(self._settings, profile=name)
        call = self._line.call if self._line is not None else None
        if call is not None:
            call.steering.choose(profile_named(name))

    def set_name(self, name: str) -> None:
        """The name shown to the other end, from the next call on."""
        self._settings = replace(self._settings, name=name)

    def close(self) -> Future[None]:
        """Hang up and stop every thread, within a few seconds."""
        done: Future[None] = Future()
        threading.Thread(target=self._close, args=(done,), name="closing", daemon=True).start()
        return done

    # From invite to connected, on the network thread

    async def _create(self) -> Inviting:
        line = self._new_line(PreparingInvite(), calls=True)

        async def invite() -> Inviting:
            offer = await line.peer.create_offer()
            self._warn_of_servers(line, offer)
            link = self._rendezvous.invite(offer, self._settings.name)
            return self._go(line, Inviting(link, self._rendezvous.expires_at()))

        return await self._attempt(line, invite())

    async def _join(self, link: str) -> Answering:
        self._must_be_free()
        letter = self._rendezvous.read_invite(link)  # A bad link changes nothing.
        line = self._new_line(PreparingAnswer(), calls=False)

        async def answer() -> Answering:
            description = await line.peer.accept_offer(letter.description)
            self._warn_of_servers(line, description)
            own_link = self._rendezvous.answer(letter, description, self._settings.name)
            return self._go(line, Answering(own_link, self._rendezvous.expires_at()))

        return await self._attempt(line, answer())

    async def _accept(self, link: str) -> None:
        line = self._line
        if not isinstance(self.state, Inviting) or line is None:
            raise NoAnswerAwaited
        answer: Description = self._rendezvous.read_answer(link).description  # As above.
        self._go(line, Connecting())
        await self._attempt(line, line.peer.accept_answer(answer))

    async def _hang_up(self) -> None:
        line = self._line
        if line is None:
            raise NoCall
        self._end(line, "You hung up.", failed=False)
        await line.peer.close()

    def _warn_of_servers(self, line: Line, own: Description) -> None:
        if line is self._line and (warning := unanswered_servers(line.config, own)) is not None:
            self.say(Notice("warning", warning))

    async def _attempt(self, line: Line, work: Awaitable[T]) -> T:
        """Do `work` for a line; when it fails, the call has ended with the reason."""
        try:
            return await work
        except Exception as error:
            if self._line is not line:
                raise asyncio.CancelledError from error  # Hung up meanwhile: not a failure.
            if not isinstance(error, UndertoneError):
                log.exception("A step of the call failed")
                error = CallFailed(f"The call failed inside Undertone: {error}")
            self._end(line, str(error), failed=True)
            await line.peer.close(ByeReason.OTHER)
            raise error from None

    def _must_be_free(self) -> None:
        if self._session.is_live:
            raise AlreadyInCall

    def _new_line(self, state: PreparingInvite | PreparingAnswer, *, calls: bool) -> Line:
        self._must_be_free()
        config = NetworkConfig.of(self._settings, loopback=self._loopback)
        own = self._models.own()
        line = Line(own, config, self._settings.name, self, self._clock, calls=calls)
        self._line, self._last_reading = line, None
        self._go(line, state)
        return line

    # What a line tells (`Exchange`)

    def connecting(self, line: Line) -> None:
        """The other end is being connected to."""
        if line is self._line and isinstance(self.state, Answering):
            self._go(line, Connecting())

    def connected(self, line: Line) -> None:
        """The other end is there. The sound opens when the two have agreed on a model."""
        if line is self._line:
            self._go(line, Talking(self._clock()))
            if self._muted:
                self._tell_mute()

    def agreed(self, line: Line, model: OwnModel) -> None:
        """Both ends have this model: load it if need be, and open the sound."""
        if line is not self._line:
            return
        if model.name != self._models.chosen:
            words = f"This call uses the model {model.title}, which both sides have."
            self.say(Notice("info", words))
        if (codec := self._models.at_hand(model.name)) is not None:
            self._devices.submit(self._open_sound, line, codec)
        elif isinstance(self.state, Talking):
            self._go(line, replace(self.state, loading=model.title))
            self.shelf.submit(self._load_for_call, line, model)

    def peer_changed(self, line: Line) -> None:
        """More is known of the other end."""
        if line is self._line:
            self._listen(PeerChanged(line.view))

    def over(self, line: Line, reason: str, *, failed: bool, bye: ByeReason) -> None:
        """The connection ended, never came about, or makes no sense; `bye` if it still stands."""
        self._end(line, reason, failed=failed)
        self._on_network(line.peer.close(bye))

    def say(self, notice: Notice) -> None:
        """Something a person should know."""
        log.log(logging.INFO if notice.severity == "info" else logging.WARNING, notice.text)
        self._listen(notice)

    # A model that was not at hand, on the shelf's thread

    def _load_for_call(self, line: Line, model: OwnModel) -> None:
        if line is not self._line:
            return  # Hung up before its turn came.
        try:
            codec = self._models.load(model.name)
        except Exception as error:
            log.exception("The model of the call could not be loaded")
            self._network.call_soon(self._give_up, line, str(error))
            return
        self._network.call_soon(self._loaded, line)
        self._devices.submit(self._open_sound, line, codec)

    def _loaded(self, line: Line) -> None:
        if line is self._line and isinstance(self.state, Talking):
            self._go(line, replace(self.state, loading=""))

    def _give_up(self, line: Line, reason: str) -> None:
        if line is self._line:
            self.over(line, reason, failed=True, bye=ByeReason.OTHER)

    # Sound, on the devices thread

    def _open_sound(self, line: Line, codec: Codec) -> None:
        try:
            line.open_sound(
                codec,
                self._backend,
                self._settings,
                send_voice=lambda data: self._network.call_soon(line.send_voice, data),
                is_muted=lambda: self._muted,
                on_input_end=lambda: self._listen(InputEnded()),
            )
        except Exception as error:
            log.exception("The call's sound could not be started")
            self.say(Notice("error", f"The call has no sound: {error}"))

    def _change_device(self, which: str, name: str | None) -> None:
        call = self._line.call if self._line is not None else None
        if call is not None:
            (call.microphone if which == "microphone" else call.loudspeaker).choose(name)

    # The end

    def _end(self, line: Line, reason: str, *, failed: bool) -> None:
        with self._lock:
            if line is not self._line:
                return
            self.reading()
            self._line = None
            self._session.go(state := Ended(reason, failed))
        self._devices.submit(line.close_sound)
        self._listen(PeerChanged(None))
        self._listen(StateChanged(state))

    def _close(self, done: Future[None]) -> None:
        try:
            self._on_network(self._quit()).result(_CLOSE_SECONDS)
        except Exception as error:
            log.info("The call could not be ended in good manners: %s", error)
        if not self._devices.stop(_CLOSE_SECONDS):
            log.warning("The sound system does not answer; its thread is left behind.")
        self._network.stop(_CLOSE_SECONDS)
        self.shelf.close(_SHELF_SECONDS)
        done.set_result(None)

    async def _quit(self) -> None:
        if (line := self._line) is not None:
            self._end(line, "Undertone was closed.", failed=False)
            await line.peer.close(ByeReason.QUIT)

    # Small parts

    def _go(self, line: Line, state: S) -> S:
        with self._lock:
            if line is not self._line:
                raise asyncio.CancelledError
            self._session.go(state)
        self._listen(StateChanged(state))
        return state

    def _tell_mute(self) -> None:
        if (line := self._line) is not None:
            line.tell_mute(self._muted)

    def _on_network(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        try:
            return self._network.submit(work)
        except NetworkStopped as error:
            failed: Future[T] = Future()
            failed.set_exception(error)
            return failed
