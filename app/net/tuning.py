"""Fewer acknowledgements: SCTP acknowledges in batches instead of packet by packet.

aiortc sends a 93-byte SACK for every packet, as much as the voice itself costs. RFC 9260 section
6.2 lets a receiver wait up to 500 ms. Here it acknowledges every 8th packet or after 500 ms, and at
once when packets are missing or came twice, since then the sender must know.

Replaces a private method on one RTCSctpTransport; where that is not as expected, nothing changes.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import Any

from aiortc import RTCPeerConnection

log = logging.getLogger(__name__)

ACK_EVERY = 8
ACK_SECONDS = 0.5


def delay_acks(pc: RTCPeerConnection) -> bool:
    """Delay the acknowledgements of a connection. False where this aiortc does not allow it."""
    sctp: Any = pc.sctp
    needed = ("_sack_needed", "_sack_duplicates", "_sack_misordered")
    if not all(hasattr(sctp, name) for name in needed) or not inspect.iscoroutinefunction(
        getattr(sctp, "_send_sack", None)
    ):
        log.warning("aiortc changed inside, so acknowledgements are not delayed.")
        return False
    sctp._send_sack = _DelayedAck(sctp).note
    return True


class _DelayedAck:
    def __init__(self, sctp: Any) -> None:
        self._sctp = sctp
        self._send_now = sctp._send_sack
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None

    async def note(self) -> None:
        """Called where aiortc would acknowledge a packet."""
        self._waiting += 1
        urgent = self._sctp._sack_misordered or self._sctp._sack_duplicates
        if urgent or self._waiting >= ACK_EVERY:
            await self._send()
            return
        self._sctp._sack_needed = False
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(ACK_SECONDS, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiting:
            self._sending = asyncio.ensure_future(self._send())

    async def _send(self) -> None:
        self._waiting = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            await self._send_now()
        except ConnectionError:
            log.debug("The connection closed before its last acknowledgement.")
