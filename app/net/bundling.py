"""Chunks that travel together: one SCTP packet for what aiortc would send in several.

An SCTP packet costs 69 to 77 bytes of headers before it says anything, as much as a packet of
voice. aiortc puts each chunk into one of its own. Here those that leave in one turn of the event
loop share a packet (RFC 9260 section 6.10), and two kinds wait a while for company: a SACK up to
500 ms, the most section 6.2 allows, and, where packets are missing or came twice, 200 ms; a FORWARD
TSN 200 ms. So, while both talk, acknowledging costs 16 bytes twice a second.

A waiting SACK goes with the last DATA that leaves before its time is up. Which one that is, is told
by the pause before this one: voice leaves at a steady pace. Where nothing leaves it goes alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

ACK_SECONDS = 0.5
ACK_SECONDS_URGENT = 0.2
FORWARD_SECONDS = 0.2
ACK_EVERY = 16
"""Packets received after which a SACK leaves at once: at no pace of voice are there as many."""

_DATA, _SACK, _FORWARD_TSN = 0, 3, 192
"""Chunk types, RFC 9260 section 3.2 and RFC 3758 section 3.2."""
_MAX_CHUNK_BYTES = 1177
"""What a packet holds besides its common header, as aiortc counts."""
_HASTE = 1.1
"""By how much longer than the last pause the next may be without making a SACK late."""


class Bundling:
    """Bundles the chunks that one RTCSctpTransport sends, from when it is made.

    `on_ack` is called at each SACK that comes: a sign that the other end hears this one.
    """

    def __init__(self, sctp: Any, on_ack: Callable[[], None]) -> None:
        self._sctp = sctp
        self._send_packet = sctp._send_chunk
        self._make_sack = sctp._send_sack
        self._receive_sack = sctp._receive_sack_chunk
        self._on_ack = on_ack
        self._loop = asyncio.get_running_loop()
        self._data: list[Any] = []
        self._forward: Any = None
        self._sack: Any = None
        self._unacknowledged = 0
        self._sack_due = self._forward_due = float("inf")
        self._pauses: deque[float] = deque([0.0], maxlen=2)
        self._data_left_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None
        sctp._send_chunk = self._take
        sctp._send_sack = self._note
        sctp._receive_sack_chunk = self._heard

    # What aiortc calls

    async def _take(self, chunk: Any) -> None:
        """Called where aiortc would send a chunk."""
        kind = getattr(chunk, "type", None)
        if kind == _DATA:
            self._data.append(chunk)
            self._wake(0.0)
        elif kind == _FORWARD_TSN:
            if self._forward is None:
                self._forward_due = self._loop.time() + FORWARD_SECONDS
            self._forward = chunk
            self._wake(FORWARD_SECONDS)
        elif kind == _SACK:
            self._sack = chunk
        else:  # Set-up and shut-down: alone, and after what was said before.
            if self._data:
                await self._send()
            await self._send_packet(chunk)

    async def _note(self) -> None:
        """Called where aiortc would acknowledge a packet."""
        self._sctp._sack_needed = False
        self._unacknowledged += 1
        wait = ACK_SECONDS
        if self._sctp._sack_misordered or self._sctp._sack_duplicates:
            wait = ACK_SECONDS_URGENT
        if self._unacknowledged >= ACK_EVERY:
            wait = 0.0
        self._sack_due = min(self._sack_due, self._loop.time() + wait)
        self._wake(wait)

    async def _heard(self, chunk: Any) -> None:
        self._on_ack()
        await self._receive_sack(chunk)

    # When to send, and what

    def _wake(self, seconds: float) -> None:
        """Send in `seconds`, or before if that was planned."""
        at = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._sending = asyncio.ensure_future(self._send_safely())

    async def _send_safely(self) -> None:
        try:
            await self._send()
        except ConnectionError:
            log.debug("The connection closed before its last packet.")
        left = min(self._sack_due, self._forward_due) - self._loop.time()
        if left < float("inf"):
            self._wake(max(left, 0.0))

    async def _send(self) -> None:
        now = self._loop.time()
        chunks, self._data = self._data, []
        first: list[Any] = []
        if self._is_time(self._sack_due, now, bool(chunks)):
            first += await self._take_sack()
        if self._forward is not None and (chunks or first or self._forward_due <= now):
            first.append(self._forward)  # Control chunks come before DATA (section 6.10).
            self._forward, self._forward_due = None, float("inf")
        if chunks:
            self._pauses.append(now - self._data_left_at)
            self._data_left_at = now
        for packet in _packets([*first, *chunks]):
            await self._send_packet(packet)

    def _is_time(self, due: float, now: float, data_leaves: bool) -> bool:
        if due == float("inf"):
            return False
        if not data_leaves:
            return due <= now
        urgent = bool(self._sctp._sack_misordered or self._sctp._sack_duplicates)
        next_data = now + _HASTE * max(*self._pauses, now - self._data_left_at)
        return urgent or next_data > due

    async def _take_sack(self) -> list[Any]:
        self._unacknowledged, self._sack_due = 0, float("inf")
        self._sack = None
        await self._make_sack()  # which hands the chunk to `_take`
        return [] if self._sack is None else [self._sack]


def _packets(chunks: list[Any]) -> list[_Packet]:
    """The chunks in order, as many in a packet as it holds."""
    packets: list[_Packet] = []
    for chunk in chunks:
        if not packets or len(bytes(packets[-1])) + len(bytes(chunk)) > _MAX_CHUNK_BYTES:
            packets.append(_Packet())
        packets[-1].chunks.append(chunk)
    return packets


class _Packet:
    """Chunks that aiortc takes for one."""

    def __init__(self) -> None:
        self.chunks: list[Any] = []

    def __bytes__(self) -> bytes:
        return b"".join(map(bytes, self.chunks))

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.chunks))
