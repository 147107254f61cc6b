"""The WebRTC connection under one peer: two data channels, tuned, counted and kept going.

What it is told, it does; what happens, it tells its listener, whose exceptions end there: none
reaches aiortc, where it would end the connection. Everything on the network thread's loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)

from app.core.description import Description, DescriptionInvalid
from app.net.config import NetworkConfig, Patience
from app.net.errors import DescriptionRefused, NoNetwork, RelayUnavailable
from app.net.ice import IceAccess
from app.net.roaming import Roaming
from app.net.sdp import from_sdp, to_sdp
from app.net.tuning import agreed_cipher, bundle, hasten, prefer_short_records
from app.net.wire import DTLS_RECORD, DTLS_RECORD_GCM, WireCounter

log = logging.getLogger(__name__)

VOICE, CONTROL = "voice", "control"
VOICE_CHANNEL, CONTROL_CHANNEL = 0, 1
MAX_VOICE_BUFFER = 1200
"""Bytes of voice waiting to leave above which new voice is dropped: it would be stale anyway."""
MAX_CONTROL_BUFFER = 65536
_MOST_WAITING = {VOICE: MAX_VOICE_BUFFER, CONTROL: MAX_CONTROL_BUFFER}


@dataclass(frozen=True)
class Listener:
    """What a transport tells: each is called on the loop, and may raise without harm."""

    voice: Callable[[object], None]
    """A message on the voice channel, bytes unless the other end is not an Undertone."""
    control: Callable[[object], None]
    """Likewise on the control channel."""
    way_found: Callable[[], None]
    """A pair of addresses works; the keys are next."""
    opened: Callable[[], None]
    """Both channels are open."""
    route_changed: Callable[[], None]
    """Packets go another way from now on."""
    acknowledged: Callable[[], None]
    """The other end acknowledged something."""
    ended: Callable[[], None]
    """The other end closed, or nothing can be sent any more."""
    failed: Callable[[bool], None]
    """It did not come about or broke; the argument says whether the keys were the wrong ones."""


class Transport:
    """A connection used once: `offer` and `take_answer`, or `answer`."""

    def __init__(
        self,
        config: NetworkConfig,
        patience: Patience,
        wire: WireCounter,
        listener: Listener,
        call: Callable[..., None],
    ) -> None:
        """`call(function, *args)` calls a listener and keeps its exception."""
        config.check()
        self._config, self._patience, self._wire = config, patience, wire
        self._listener, self._call = listener, call
        self._servers = [RTCIceServer(url) for url in config.stun]
        self._servers += [RTCIceServer(t.url, t.username, t.password) for t in config.turn]
        policy = RTCIceTransportPolicy.RELAY if config.relay_only else RTCIceTransportPolicy.ALL
        self.pc = RTCPeerConnection(RTCConfiguration(self._servers, policy))
        self.channels: dict[str, RTCDataChannel] = {
            VOICE: self.pc.createDataChannel(
                VOICE, ordered=False, maxRetransmits=0, negotiated=True, id=VOICE_CHANNEL
            ),
            CONTROL: self.pc.createDataChannel(CONTROL, negotiated=True, id=CONTROL_CHANNEL),
        }
        self.ice = IceAccess(self.pc)
        if not config.relay_only:
            self.ice.offer_loopback(always=config.loopback)
        self._roaming = Roaming(
            self.ice.connection,
            patience,
            on_sockets=wire.attach,
            on_route=self._rerouted,
        )
        if config.tuned:
            bundle(self.pc, on_ack=lambda: call(listener.acknowledged))
            prefer_short_records(self.pc)
        self._listen()

    # Making the connection

    async def offer(self) -> Description:
        """This end's description. Raises `NetError`."""
        return await self._describe(await self.pc.createOffer())

    async def answer(self, offer: Description) -> Description:
        """This end's description as the answer to an offer. Raises `NetError`."""
        await self._take(offer, "offer")
        return await self._describe(await self.pc.createAnswer())

    async def take_answer(self, answer: Description) -> None:
        """Begin to connect. Raises `DescriptionRefused`."""
        await self._take(answer, "answer")

    async def keep_open(self) -> None:
        """Keep the way through address translators open while the descriptions travel."""
        self.ice.knock()
        await self.ice.refresh_reflexive(self._servers)

    @property
    def has_way(self) -> bool:
        """Whether a pair of addresses was found that works."""
        return self.pc.iceConnectionState == "completed"

    # Talking

    def send(self, channel: str, data: bytes) -> bool:
        """Send a message; False when the channel is not open or too much waits to leave."""
        to = self.channels[channel]
        if to.readyState != "open" or to.bufferedAmount + len(data) > _MOST_WAITING[channel]:
            return False
        to.send(data)
        self._wire.message_sent(len(data))
        return True

    def waiting(self, channel: str) -> int:
        """Bytes that wait to leave. May be asked from any thread."""
        return self.channels[channel].bufferedAmount

    @property
    def route(self) -> str:
        """How packets go, in words."""
        return self.ice.route()

    def seek(self, missing: bool) -> None:
        """Look for any way to the other end, since nothing is heard from it; or stop that."""
        if self._roaming.missing and not missing:
            hasten(self.pc)  # What waited for the way need not wait for its timer too.
        self._roaming.missing = missing

    async def close(self) -> None:
        """Give the last words a moment to leave, then take everything down."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._patience.bye
        await asyncio.sleep(0.01)
        while self.waiting(CONTROL) and loop.time() < end:
            await asyncio.sleep(0.01)
        try:
            await asyncio.wait_for(self.pc.close(), self._patience.close)
        except Exception as error:
            log.warning("The connection did not close in good order: %r", error)

    # Set-up, and what aiortc tells

    def _listen(self) -> None:
        take = {VOICE: self._listener.voice, CONTROL: self._listener.control}
        for name, channel in self.channels.items():
            channel.on("message", lambda data, take=take[name]: self._came(take, data))
            channel.on("close", lambda: self._call(self._listener.ended))
        self.channels[CONTROL].on("open", lambda: self._call(self._opened))
        self.pc.on("iceconnectionstatechange", lambda: self._call(self._ice_changed))
        self.pc.on("connectionstatechange", lambda: self._call(self._pc_changed))

    def _came(self, take: Callable[[object], None], data: object) -> None:
        if isinstance(data, bytes):
            self._call(self._wire.message_received, len(data))
        self._call(take, data)

    def _opened(self) -> None:
        shortest = "CHACHA20" in (agreed_cipher(self.pc) or "")
        self._wire.record = DTLS_RECORD if shortest else DTLS_RECORD_GCM
        self._listener.opened()

    def _rerouted(self) -> None:
        hasten(self.pc)
        self._call(self._listener.route_changed)

    def _ice_changed(self) -> None:
        if self.has_way:
            self._listener.way_found()

    def _pc_changed(self) -> None:
        state = self.pc.connectionState
        if state == "failed":
            dtls: Any = self.pc.sctp.transport.state if self.pc.sctp else ""
            self._listener.failed(dtls == "failed")
        elif state == "closed":
            self._listener.ended()

    async def _describe(self, described: RTCSessionDescription) -> Description:
        """Gather this end's addresses and say all that the other needs."""
        await self.pc.setLocalDescription(described)
        self._wire.attach(self.ice.sockets())
        own = from_sdp(self.pc.localDescription.sdp)
        if not own.candidates:
            raise RelayUnavailable if self._config.relay_only else NoNetwork
        return own

    async def _take(self, description: Description, kind: str) -> None:
        try:
            text = RTCSessionDescription(to_sdp(description), kind)
            await self.pc.setRemoteDescription(text)
        except (ValueError, DescriptionInvalid) as error:
            log.info("The other side's description was refused: %s", error)
            raise DescriptionRefused from None
