"""One peer: what is said to it, what it says, whether it is there, and where that leaves the two.

Every method runs on the network thread's loop, and every callback is called there. Whatever a peer
sends and a callback raises, no exception reaches aiortc, where it would end the connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from app.core.control import (
    Bye,
    ByeReason,
    CallMessage,
    ControlError,
    Ping,
    Pong,
)
from app.core.control_format import decode_control, encode_control
from app.core.description import Description
from app.core.meter import EndLatency
from app.core.packet import is_silence
from app.net.config import NetworkConfig, Patience
from app.net.diagnosis import why_no_route
from app.net.errors import IdentityMismatch, NetError, OutOfTurn
from app.net.liveness import Liveness
from app.net.state import (
    GOODBYES,
    Connected,
    Connecting,
    Disconnected,
    Failed,
    New,
    PeerState,
    PeerStats,
    Reconnecting,
)
from app.net.transport import CONTROL, VOICE, Listener, Transport
from app.net.wire import OnWire, WireCounter

log = logging.getLogger(__name__)

_NOT_FOUND_AGAIN = (
    "The connection was lost, and no other way to the other side was found. Make a new call."
)

OnPong = Callable[[float, EndLatency], None]
"""Called with the round trip in seconds and the peer's own shares of the latency."""


class PeerConnection:
    """A connection to one peer, used once.

    The caller makes an offer and accepts an answer, or accepts an offer, which gives the answer.
    `on_voice` gets the bytes of each packet and `on_control` each message it has to know of (pings,
    pongs and byes are dealt with here, as are messages that cannot be read); `on_state` each
    `PeerState`, the last of which is `Disconnected` or `Failed`; `on_payload` and `on_wire` the
    bytes up and down of each message and each datagram; `on_pong` what each pong tells.
    `own_latency` is asked for this end's shares when the peer pings.
    """

    def __init__(
        self,
        config: NetworkConfig,
        *,
        on_voice: Callable[[bytes], None],
        on_control: Callable[[CallMessage], None],
        on_state: Callable[[PeerState], None],
        on_wire: OnWire | None = None,
        on_payload: OnWire | None = None,
        on_pong: OnPong | None = None,
        own_latency: Callable[[], EndLatency] = EndLatency,
        patience: Patience | None = None,
    ) -> None:
        self._config = config
        self._patience = patience or Patience()
        self._on_voice, self._on_control, self._on_state = on_voice, on_control, on_state
        self._on_pong, self._own_latency = on_pong, own_latency
        self._on_payload = on_payload
        self._state: PeerState = New()
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Future[None] | None = None
        self._own: Description | None = None
        self._theirs: Description | None = None
        self._deadline = float("inf")
        self._counts: Counter[str] = Counter()
        self._liveness = Liveness(self._loop.time, self._patience)
        self._wire = WireCounter(
            (lambda up, down: self._call(on_wire, up, down)) if on_wire else None
        )
        self._transport = Transport(
            config, self._patience, self._wire, self._listener(), self._call
        )

    # Making the connection

    async def create_offer(self) -> Description:
        """This end's description, to be handed to the other. Raises `NetError`."""
        self._must_be_new()
        self._own = await self._transport.offer()
        self._start(self._keep_open())
        return self._own

    async def accept_offer(self, offer: Description) -> Description:
        """The answer to an offer, to be handed back. Connecting begins when the other has it.

        Raises `NetError`; nothing is then left to do but close.
        """
        self._must_be_new()
        self._theirs = offer
        self._own = await self._transport.answer(offer)
        self._deadline = self._loop.time() + self._patience.answer_taken
        self._start(self._keep_open())
        self._start(self._watch())
        return self._own

    async def accept_answer(self, answer: Description) -> None:
        """Begin to connect to the one who gave this answer to our offer. Raises `NetError`."""
        if self._own is None or self._theirs is not None or self.is_over:
            raise OutOfTurn
        self._theirs = answer
        await self._transport.take_answer(answer)
        self._begin_connecting()
        self._start(self._watch())

    # Talking

    def send_voice(self, data: bytes) -> bool:
        """Send a voice packet; False, and counted, when it had to be dropped."""
        self._liveness.said(silence=is_silence(data))
        sent = self._send(VOICE, data)
        if self._is_open:
            self._ask_and_answer(along=True)
        return sent

    def send_control(self, data: bytes) -> bool:
        """Send a control message; False, and counted, when it had to be dropped."""
        return self._send(CONTROL, data)

    @property
    def voice_backlog(self) -> int:
        """Bytes of voice that wait to leave. May be asked from any thread."""
        return self._transport.waiting(VOICE)

    @property
    def state(self) -> PeerState:
        """Where the connection stands."""
        return self._state

    @property
    def is_over(self) -> bool:
        """Whether the connection has ended for good."""
        return isinstance(self._state, Disconnected | Failed)

    def stats(self) -> PeerStats:
        """The counts of now. May be called from any thread."""
        return PeerStats(
            **self._counts, round_trip=self._liveness.round_trip, wire=self._wire.totals()
        )

    async def close(self, reason: ByeReason = ByeReason.HUNG_UP) -> None:
        """Say goodbye and take the connection down, within a few seconds. May be called again."""
        if not self.is_over:
            if self._is_open:
                self._send_message(Bye(reason))
            # Over at once: what the peer does on hearing the goodbye is no news any more.
            self._end(Disconnected("You left the call.", reason, here=True))
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._take_down())
        await asyncio.shield(self._closing)

    # Set-up

    def _listener(self) -> Listener:
        return Listener(
            voice=self._voice_came,
            control=self._control_came,
            way_found=self._begin_connecting,
            opened=self._opened,
            route_changed=self._route_changed,
            acknowledged=self._liveness.heard_ack,
            ended=self._channel_closed,
            failed=self._transport_failed,
        )

    def _must_be_new(self) -> None:
        if self._own is not None or self._theirs is not None or self.is_over:
            raise OutOfTurn

    def _begin_connecting(self) -> None:
        if isinstance(self._state, New):
            self._deadline = self._loop.time() + self._patience.connect
            self._go(Connecting())

    # What the transport tells

    def _transport_failed(self, wrong_keys: bool) -> None:
        if self._is_open:
            self._end(Disconnected("The connection was lost."))
        elif wrong_keys:
            self._end(Failed(IdentityMismatch()))
        else:
            self._end(Failed(self._why_no_route()))

    def _opened(self) -> None:
        if not self.is_over:
            self._liveness.heard()
            self._go(Connected(self._transport.route))

    def _route_changed(self) -> None:
        if isinstance(self._state, Connected):
            self._go(Connected(self._transport.route))

    def _channel_closed(self) -> None:
        if self._is_open:
            self._end(Disconnected("The other side ended the connection."))
        elif isinstance(self._state, Connecting):
            self._end(Failed(NetError("The other side gave up while the call was connecting.")))

    def _voice_came(self, data: object) -> None:
        self._liveness.heard()
        if not isinstance(data, bytes):
            self._counts["unreadable"] += 1
            return
        self._liveness.heard_voice(silence=is_silence(data))
        self._counts["voice_received"] += 1
        self._received(data)
        self._call(self._on_voice, data)

    def _control_came(self, data: object) -> None:
        self._liveness.heard()
        try:
            if not isinstance(data, bytes):
                raise ControlError
            message = decode_control(data)
        except ControlError as error:
            self._counts["unreadable"] += 1
            log.info("A control message was passed over: %s", error)
            return
        self._counts["control_received"] += 1
        self._received(data)
        match message:
            case Ping():
                self._liveness.asked(message)
                self._ask_and_answer()
            case Pong():
                round_trip = self._liveness.measure(message)
                self._call(self._on_pong, round_trip, message.latency)
            case Bye():
                self._end(Disconnected(GOODBYES[message.reason], message.reason))
            case _:
                self._call(self._on_control, message)

    def _received(self, data: bytes) -> None:
        self._call(self._on_payload, 0, len(data))

    def _latency_now(self) -> EndLatency:
        try:
            return self._own_latency()
        except Exception:
            self._note_callback_error()
            return EndLatency()

    # What goes on meanwhile

    async def _watch(self) -> None:
        while not self.is_over:
            await asyncio.sleep(self._patience.ping / 4)
            if self._is_open:
                self._look_after_life()
            elif self._loop.time() > self._deadline + self._extra():
                self._end(Failed(self._why_no_route()))

    def _extra(self) -> float:
        """Seconds granted where a way was found and only the handshake is not over."""
        return self._patience.handshake if self._transport.has_way else 0.0

    def _look_after_life(self) -> None:
        silence = self._liveness.silence
        is_missing = silence > self._patience.missing
        self._transport.seek(is_missing)
        if silence > self._patience.lost:
            self._send_message(Bye(ByeReason.LOST))
            self._end(Disconnected(_NOT_FOUND_AGAIN))
        elif is_missing:
            if not isinstance(self._state, Reconnecting):
                self._go(Reconnecting(silence))
        elif isinstance(self._state, Reconnecting):
            self._go(Connected(self._transport.route))
        if self._is_open:
            self._ask_and_answer()

    def _ask_and_answer(self, *, along: bool = False) -> None:
        """Send the pings and pongs that are due; more are when they go along with voice."""
        answer = self._liveness.due_answer(along=along)
        if answer is not None:
            asked, held = answer
            pong = Pong(asked.id, asked.sent_ms, self._latency_now(), held * 1000)
            self._send_message(pong)
        ping = self._liveness.due_ping(along=along)
        if ping is not None:
            self._send_message(ping)

    async def _keep_open(self) -> None:
        """Keep the way through address translators open while the links travel."""
        while not self._is_open and not self.is_over:
            await asyncio.sleep(self._patience.keep_alive)
            if not self._is_open:
                await self._transport.keep_open()

    def _why_no_route(self) -> NetError:
        if self._own is None or self._theirs is None:
            return NetError()
        return why_no_route(self._config, self._own, self._theirs, self._transport.has_way)

    # The small parts

    @property
    def _is_open(self) -> bool:
        return isinstance(self._state, Connected | Reconnecting)

    def _send_message(self, message: Ping | Pong | Bye) -> None:
        self.send_control(encode_control(message))

    def _send(self, channel: str, data: bytes) -> bool:
        if not self._transport.send(channel, data):
            self._counts[f"{channel}_dropped"] += 1
            return False
        self._counts[f"{channel}_sent"] += 1
        self._call(self._on_payload, len(data), 0)
        return True

    def _go(self, state: PeerState) -> None:
        if state != self._state and not self.is_over:
            self._state = state
            self._call(self._on_state, state)

    def _end(self, state: Disconnected | Failed) -> None:
        if not self.is_over:
            self._go(state)
            if self._closing is None:
                self._closing = asyncio.ensure_future(self._take_down())

    async def _take_down(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._transport.close()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._work_done)

    def _work_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("A network task failed.", exc_info=task.exception())
            self._end(Disconnected("Undertone failed on the network side. Call again."))

    def _call(self, function: Callable[..., None] | None, *args: object) -> None:
        """Call a listener; its exception ends here."""
        try:
            if function is not None:
                function(*args)
        except Exception:
            self._note_callback_error()

    def _note_callback_error(self) -> None:
        self._counts["callback_errors"] += 1
        log.exception("A listener of the connection failed; the connection goes on.")
