"""What every front end drives: one call at a time, from invite to hang-up.

Every public method may be called from any thread and returns at once. What takes time is a
`concurrent.futures.Future`; what happens by itself is an `Event` given to `listen`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

from app import VERSION
from app.audio.backend import AudioBackend, DeviceInfo
from app.core.control import ByeReason, Hello, Mute, decode_control, encode_control
from app.core.errors import UndertoneError
from app.core.meter import EndLatency, Meter
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
    PeerView,
    PreparingAnswer,
    PreparingInvite,
    StateChanged,
    Talking,
)
from app.engine.call import Call
from app.engine.sound import Loudspeaker, Microphone
from app.net import state as net_state
from app.net.config import NetworkConfig
from app.net.network_thread import NetworkThread
from app.net.peer import PeerConnection
from app.rendezvous.manual import ManualRendezvous
from codec.model.codec import Codec

log = logging.getLogger(__name__)

S = TypeVar("S", bound=CallState)

_CLOSE_SECONDS = 4.0


class Engine:
    """One call at a time, its devices, its connection. Weights are shared, streams are not."""

    def __init__(
        self,
        codec: Codec,
        backend: AudioBackend,
        settings: Settings,
        listen: Callable[[Event], None],
        *,
        loopback: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._codec, self._backend, self._listen = codec, backend, listen
        self._settings, self._loopback, self._clock = settings, loopback, clock
        self._session = Session()
        self._lock = threading.RLock()
        self._muted = False
        self._peer: PeerConnection | None = None
        self._peer_view: PeerView | None = None
        self._rendezvous = ManualRendezvous(time.time)
        self._sound: tuple[Microphone, Loudspeaker] | None = None
        self._call: Call | None = None
        self._meter = Meter(clock)
        self._last_reading: CallReading | None = None
        self._devices = ThreadPoolExecutor(1, "devices")
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
        """Every meter now; after a call, as it ended. None before the first call."""
        call, peer = self._call, self._peer
        if call is not None:
            wire = peer.stats().wire if peer is not None else None
            self._last_reading = call.reading(wire.exact if wire else True)
        return self._last_reading

    # What front ends do

    def create_call(self) -> Future[Inviting]:
        """Make an invite link. The future raises an `UndertoneError` that says why not."""
        return self._network.submit(self._create())

    def join(self, link: str) -> Future[Answering]:
        """Read an invite link and make the answer to hand back."""
        return self._network.submit(self._join(link))

    def accept_answer(self, link: str) -> Future[None]:
        """Read the answer to our invite and begin to connect."""
        return self._network.submit(self._accept(link))

    def hang_up(self) -> Future[None]:
        """End the call, or take the invite back."""
        return self._network.submit(self._hang_up())

    def reset(self) -> None:
        """Put an ended call away."""
        if isinstance(self.state, Ended):
            self._go(Idle())

    def set_muted(self, muted: bool) -> None:
        """Keep the own voice back, or let it through again."""
        self._muted = muted
        if self._call is not None:
            self._call.speaking.muted = muted
        self._network.call_soon(self._tell, Mute(muted))
        self._listen(MuteChanged(muted))

    def devices(self) -> Future[tuple[list[DeviceInfo], list[DeviceInfo]]]:
        """The microphones and the loudspeakers of this machine."""
        return self._devices.submit(lambda: (self._backend.inputs(), self._backend.outputs()))

    def choose_input(self, name: str | None) -> Future[None]:
        """Take this microphone, now and in later calls; None follows the system."""
        self._settings = replace(self._settings, input_device=name)
        return self._devices.submit(self._choose, 0, name)

    def choose_output(self, name: str | None) -> Future[None]:
        """Take this loudspeaker, now and in later calls; None follows the system."""
        self._settings = replace(self._settings, output_device=name)
        return self._devices.submit(self._choose, 1, name)

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
        self._go(PreparingInvite())
        try:
            offer = await self._new_peer().create_offer()
            link = self._rendezvous.invite(offer, self._settings.name)
        except UndertoneError as error:
            await self._give_up(str(error))
            raise
        return self._go(Inviting(link, self._rendezvous.expires_at()))

    async def _join(self, link: str) -> Answering:
        self._must_be_free()
        invite = self._rendezvous.read_invite(link)  # A bad link changes nothing.
        self._go(PreparingAnswer())
        try:
            answer = await self._new_peer().accept_offer(invite.description)
            own_link = self._rendezvous.answer(invite, answer, self._settings.name)
        except UndertoneError as error:
            await self._give_up(str(error))
            raise
        return self._go(Answering(own_link, self._rendezvous.expires_at()))

    async def _accept(self, link: str) -> None:
        if not isinstance(self.state, Inviting) or self._peer is None:
            raise NoAnswerAwaited
        answer = self._rendezvous.read_answer(link)  # A bad link leaves the invite open.
        self._go(Connecting())
        try:
            await self._peer.accept_answer(answer.description)
        except UndertoneError as error:
            await self._give_up(str(error))
            raise

    async def _hang_up(self) -> None:
        if not self._session.is_live:
            raise NoCall
        if self._peer is not None:
            await self._peer.close()
        self._end("You hung up.", failed=False)

    async def _give_up(self, reason: str) -> None:
        if self._peer is not None:
            await self._peer.close(ByeReason.OTHER)
        self._end(reason, failed=True)

    def _must_be_free(self) -> None:
        if self._session.is_live:
            raise AlreadyInCall

    def _new_peer(self) -> PeerConnection:
        self._meter, self._last_reading = Meter(self._clock), None
        self._peer = PeerConnection(
            NetworkConfig.of(self._settings, loopback=self._loopback),
            on_voice=self._voice_came,
            on_control=self._control_came,
            on_state=self._peer_went,
            on_wire=self._wire_moved,
            on_pong=self._pong_came,
            own_latency=self._own_latency,
        )
        return self._peer

    # What the peer does, on the network thread

    def _peer_went(self, state: net_state.PeerState) -> None:
        match state:
            case net_state.Connecting() if isinstance(self.state, Answering):
                self._go(Connecting())
            case net_state.Connected(route=route):
                if self._call is None and self._session.is_live:
                    self._begin(route)
                self._update_peer(reachable=True, route=route)
            case net_state.Unresponsive(seconds=seconds):
                self._update_peer(reachable=False)
                self._listen(
                    Notice("warning", f"Nothing came from the other side for {seconds:.0f} s.")
                )
            case net_state.Disconnected(here=True):
                pass  # Whoever closed it says why the call ends.
            case net_state.Disconnected(reason=reason, bye=bye):
                self._end(reason, failed=bye is None)
            case net_state.Failed():
                self._end(state.reason, failed=True)

    def _begin(self, route: str) -> None:
        spec = self._codec.spec
        self._peer_view = PeerView("", "", False, False, True, route)
        self._tell(Hello(self._settings.name, VERSION, spec.model_id, spec.name, spec.output_rate))
        self._go(Talking(self._clock()))
        self._devices.submit(self._open_sound)

    def _voice_came(self, data: bytes) -> None:
        self._meter.received_payload(len(data))
        if self._call is not None:
            self._call.listening.receive(data)

    def _control_came(self, data: bytes) -> None:
        match decode_control(data):
            case Hello() as hello:
                self._update_peer(
                    name=hello.name, model_name=hello.model_name, voice_changed=hello.voice_changed
                )
                if hello.model_id != self._codec.spec.model_id:
                    self._refuse_model(hello.model_name)
                elif self._muted:
                    self._tell(Mute(True))
            case Mute(muted=muted):
                self._update_peer(muted=muted)

    def _refuse_model(self, theirs: str) -> None:
        reason = (
            f"The other side speaks with the model {theirs}, this one with "
            f"{self._codec.spec.name}. Choose the same model on both sides."
        )
        if self._peer is not None:
            self._network.submit(self._peer.close(ByeReason.MODEL_MISMATCH))
        self._end(reason, failed=True)

    def _wire_moved(self, up: int, down: int) -> None:
        if up:
            self._meter.sent_wire(up)
        if down:
            self._meter.received_wire(down)

    def _pong_came(self, round_trip: float, theirs: EndLatency) -> None:
        if self._call is not None:
            self._call.pong(round_trip, theirs)

    def _own_latency(self) -> EndLatency:
        return self._call.own_latency() if self._call is not None else EndLatency()

    def _update_peer(self, **changes: Any) -> None:
        if self._peer_view is not None:
            self._peer_view = replace(self._peer_view, **changes)
            self._listen(PeerChanged(self._peer_view))

    def _tell(self, message: Hello | Mute) -> None:
        if self._peer is not None:
            self._peer.send_control(encode_control(message))

    # The call's sound, on the devices thread

    def _open_sound(self) -> None:
        try:
            microphone = Microphone(self._backend, self._settings.input_device, self._say)
            rate = self._codec.spec.output_rate
            device = self._settings.output_device
            loudspeaker = Loudspeaker(self._backend, device, rate, self._say)
            call = Call(
                self._codec,
                microphone,
                loudspeaker,
                send_voice=self._send_voice,
                meter=self._meter,
                say=self._say,
                on_input_end=lambda: self._listen(InputEnded()),
                clock=self._clock,
            )
        except Exception as error:
            log.exception("The call's sound could not be started")
            self._say(Notice("error", f"The call has no sound: {error}"))
            return
        with self._lock:
            self._sound = (microphone, loudspeaker)
            if not isinstance(self.state, Talking):
                self._close_sound(None)
                return
            call.speaking.muted = self._muted
            self._call = call
        call.start()

    def _send_voice(self, data: bytes) -> None:
        self._meter.sent_payload(len(data))
        self._network.call_soon(self._send_voice_now, data)

    def _send_voice_now(self, data: bytes) -> None:
        if self._peer is not None:
            self._peer.send_voice(data)

    def _choose(self, which: int, name: str | None) -> None:
        if self._sound is not None:
            self._sound[which].choose(name)

    def _close_sound(self, call: Call | None) -> None:
        if call is not None:
            call.stop()
        if self._sound is not None:
            for device in self._sound:
                device.close()
            self._sound = None

    # The end

    def _end(self, reason: str, *, failed: bool) -> None:
        with self._lock:
            if not self._session.is_live:
                return
            self.reading()
            call, self._call = self._call, None
            self._session.go(state := Ended(reason, failed))
        self._devices.submit(self._close_sound, call)
        self._peer_view = None
        self._listen(PeerChanged(None))
        self._listen(StateChanged(state))

    def _close(self, done: Future[None]) -> None:
        try:
            if self._session.is_live:
                try:
                    self._network.submit(self._quit()).result(_CLOSE_SECONDS)
                except Exception as error:
                    log.info("The call could not be ended in good manners: %s", error)
            self._devices.submit(lambda: None).result(_CLOSE_SECONDS)
        except Exception as error:
            log.info("The devices could not be closed in time: %s", error)
        finally:
            self._devices.shutdown(wait=False, cancel_futures=True)
            self._network.stop(_CLOSE_SECONDS)
            done.set_result(None)

    async def _quit(self) -> None:
        if self._peer is not None:
            await self._peer.close(ByeReason.QUIT)
        self._end("Undertone was closed.", failed=False)

    def _go(self, state: S) -> S:
        with self._lock:
            self._session.go(state)
        self._listen(StateChanged(state))
        return state

    def _say(self, notice: Notice) -> None:
        log.log(logging.INFO if notice.severity == "info" else logging.WARNING, notice.text)
        self._listen(notice)
