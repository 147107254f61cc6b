"""How speech is fitted into time: what to shorten or draw out, and what packets are to come."""

from __future__ import annotations

from app.core.jitter import JitterBuffer
from app.core.packet import VoicePacket
from app.core.pulled import SAFE, SWIFT

LATE, EARLY = 0.03, -0.012
"""The delay may stray so far from its target before speech is shortened or drawn out for it."""

SHORTEN, DRAW_OUT = 0.02, 0.016
"""At most so many seconds of a chunk of 80 ms: a quarter and a fifth faster or slower."""

_SMALLER_PACKETS = 3


class Pace:
    """Says by how much to shorten or draw out each chunk, so that the delay keeps to its target.

    Within a dead band nothing is changed, so that the trembling of clocks never changes speech.
    Once the delay has left the band it is brought all the way back to the target.
    """

    def __init__(self) -> None:
        self._direction = 0

    def change_of(self, excess: float) -> float:
        """Seconds by which to make a chunk longer (shorter, below 0), given its `Chunk.excess`."""
        if excess > LATE:
            self._direction = -1
        elif excess < EARLY:
            self._direction = 1
        elif excess * self._direction >= 0:
            self._direction = 0  # back at the target, or beyond it
        if self._direction < 0:
            return -min(excess, SHORTEN)
        return min(-excess, DRAW_OUT) if self._direction > 0 else 0.0


class Cadence:
    """Tells a jitter buffer what the sender's packets say of those to come."""

    def __init__(self, buffer: JitterBuffer) -> None:
        self._buffer = buffer
        self._chunks: int | None = None
        self._smaller = 0

    @property
    def chunks(self) -> int | None:
        """New chunks in a packet of the sender's, of late; None before the first."""
        return self._chunks

    def see(self, voice: VoicePacket) -> None:
        """Take a packet, before its chunks."""
        chunks = len(voice.new)
        if self._chunks is None:
            self._expect(chunks)
        elif voice.onset:
            return  # It holds the chunk before as well, or ends where speech ended.
        elif chunks >= self._chunks:
            self._smaller = 0
            if chunks > self._chunks:
                self._expect(chunks)
        else:
            # One alone is the rest of what was said before a silence.
            self._smaller += 1
            if self._smaller >= _SMALLER_PACKETS:
                self._expect(chunks)

    def _expect(self, chunks: int) -> None:
        self._chunks, self._smaller = chunks, 0
        self._buffer.expect(chunks)
        self._buffer.aim(SWIFT if chunks == 1 else SAFE)
