"""What every front end drives: one call at a time, from invite to hang-up.

Every public method may be called from any thread and returns at once. What takes time is a
`concurrent.futures.Future`; what happens by itself is an `Event` given to `listen`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar

from app.audio.backend import SPEECH_RATE, AudioBackend, DeviceInfo
from app.audio.cues import cue_pcm
from app.core.control import ByeReason
from app.core.cues import Cue, CueWatch
from app.core.meter import Clock
from app.core.profile import profile_named
from app.core.session import AlreadyInCall, NoAnswerAwaited, NoCall, Session
from app.core.settings import Settings
from app.core.state import (
    Answering,
    CallReading,
    CallState,
    Event,
    Idle,
    Inviting,
    MuteChanged,
    Notice,
    StateChanged,
)
from app.engine.conference import Conference
from app.engine.means import Means
from app.engine.model import Models
from app.engine.shelf import Shelf
from app.engine.worker import Worker
from app.library.store import Store
from app.net.errors import NetworkStopped
from app.net.network_thread import NetworkThread
from app.rendezvous.manual import ManualRendezvous
from codec.model.codec import Codec

log = logging.getLogger(__name__)

T = TypeVar("T")

_CLOSE_SECONDS = 4.0
_SHELF_SECONDS = 0.5
"""A model being loaded cannot be stopped, and its thread keeps nobody from leaving."""


class Engine:
    """One call at a time, its devices, its connections. Weights are shared, streams are not.

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
        self._backend, self._tell_front = backend, listen
        self._cues = CueWatch(clock)
        self._cues_lock = threading.Lock()
        self._models = Models(codec, settings.model, store, settings.precision)
        self.shelf = Shelf(self._models, self._listen, clock)
        self._settings = settings
        self._session = Session()
        self._muted = False
        self._conference: Conference | None = None
        self._rendezvous = ManualRendezvous(time.time)
        self._devices = Worker("devices")
        self._network = NetworkThread()
        self._network.start()
        self._means = Means(
            backend,
            self._models,
            self.shelf,
            self._rendezvous,
            self._session,
            self._devices,
            self._network,
            clock,
            self._listen,
            lambda: self._muted,
            self._play,
            loopback,
        )

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
        conference = self._conference
        return conference.reading() if conference is not None else None

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

    def invite_another(self) -> Future[Inviting]:
        """Make an invite link for one more, in a call that stands. The state tells of it."""
        return self._on_network(self._invite_another())

    def take_back(self) -> Future[None]:
        """Take the open invite for one more back."""
        return self._on_network(self._take_back())

    def accept_answer(self, link: str) -> Future[None]:
        """Read the answer to our invite and begin to connect."""
        return self._on_network(self._accept(link))

    def hang_up(self) -> Future[None]:
        """End the call, or take the invite back."""
        return self._on_network(self._hang_up())

    def reset(self) -> None:
        """Put an ended call away."""
        if self._session.put_away():
            self._listen(StateChanged(Idle()))

    def set_muted(self, muted: bool) -> None:
        """Keep the own voice back, or let it through again."""
        self._muted = muted
        self._of_call(Conference.tell_mute)
        self._listen(MuteChanged(muted))

    def set_volume(self, peer_id: int, volume: float) -> None:
        """Play a peer at this gain, 1 being as it comes; `PeerChanged` follows."""
        self._of_call(Conference.set_volume, peer_id, volume)

    def set_silenced(self, peer_id: int, silenced: bool) -> None:
        """Do not play a peer, or play it again; `PeerChanged` follows."""
        self._of_call(Conference.set_silenced, peer_id, silenced)

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
                self._listen(Notice("warning", words))

        return self.shelf.submit(choose)

    def change_model(self, name: str) -> Future[None]:
        """Ask all who are in the call to go on with this model; notices tell how it goes.

        The future raises NoCall, or a sentence that says why it cannot be.
        """
        return self._on_network(self._change_model(name))

    def choose_profile(self, name: str) -> None:
        """Fill packets by this profile (one of PROFILE_NAMES), now and in later calls."""
        self._settings = replace(self._settings, profile=name)
        call = self._conference.call if self._conference is not None else None
        if call is not None:
            call.choose_profile(profile_named(name))

    def set_name(self, name: str) -> None:
        """The name shown to others, now and in later calls."""
        self._settings = replace(self._settings, name=name)
        self._of_call(Conference.tell_name)

    def set_cues(self, on: bool) -> None:
        """Play short sounds for what happens in a call, or none."""
        self._settings = replace(self._settings, cues=on)

    def send_chat(self, text: str) -> Future[None]:
        """Write to everybody in the call; `ChatChanged` tells whether it came.

        The future raises an `UndertoneError` that says why the message was not taken.
        """
        return self._on_network(self._write(text))

    def close(self) -> Future[None]:
        """Hang up and stop every thread, within a few seconds."""
        done: Future[None] = Future()
        threading.Thread(target=self._close, args=(done,), name="closing", daemon=True).start()
        return done

    # On the network thread

    async def _create(self) -> Inviting:
        return await self._new_conference().signalling.create()

    async def _join(self, link: str) -> Answering:
        self._must_be_free()
        letter = self._rendezvous.read_invite(link)  # A bad link changes nothing.
        return await self._new_conference().signalling.join(letter)

    async def _accept(self, link: str) -> None:
        if self._conference is None or self._conference.is_over:
            raise NoAnswerAwaited
        await self._conference.signalling.accept(link)

    async def _invite_another(self) -> Inviting:
        return await self._present().signalling.invite_another()

    async def _take_back(self) -> None:
        await self._present().signalling.take_back()

    async def _write(self, text: str) -> None:
        self._present().write(text)

    async def _hang_up(self) -> None:
        await self._present().leave("You hung up.")

    async def _change_model(self, name: str) -> None:
        self._present().change_model(name)

    def _new_conference(self) -> Conference:
        self._must_be_free()
        self._conference = Conference(self._means, lambda: self._settings)
        return self._conference

    def _must_be_free(self) -> None:
        if self._session.is_live:
            raise AlreadyInCall

    def _present(self) -> Conference:
        if self._conference is None or self._conference.is_over:
            raise NoCall
        return self._conference

    def _of_call(self, do: Callable[..., None], *arguments: object) -> None:
        if self._conference is not None:
            self._network.call_soon(do, self._conference, *arguments)

    # What is heard of events

    def _listen(self, event: Event) -> None:
        with self._cues_lock:
            cue = self._cues.see(event)
        if cue is not None:
            self._devices.submit(self._play, cue)  # No other thread may wait for a file.
        self._tell_front(event)

    # On the devices thread

    def _play(self, cue: Cue) -> float:
        call = self._conference.call if self._conference is not None else None
        if call is None or not self._settings.cues:
            return 0.0
        call.cue(pcm := cue_pcm(cue, SPEECH_RATE))
        return len(pcm) / SPEECH_RATE

    def _change_device(self, which: str, name: str | None) -> None:
        call = self._conference.call if self._conference is not None else None
        if call is not None:
            (call.microphone if which == "microphone" else call.loudspeaker).choose(name)

    # The end

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
        if self._session.is_live:
            await self._present().leave("Undertone was closed.", ByeReason.QUIT)

    def _on_network(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        try:
            return self._network.submit(work)
        except NetworkStopped as error:
            failed: Future[T] = Future()
            failed.set_exception(error)
            return failed
