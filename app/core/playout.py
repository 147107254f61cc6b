"""How speech is fitted into time: what to shorten or draw out, and what packets are to come."""

from __future__ import annotations

from app.core.jitter import SAFE, SWIFT, JitterBuffer
from app.core.packet import VoicePacket

LATE, EARLY = 0.03, -0.012
"""The delay may stray so far from its target before speech is shortened or drawn out for it."""

SHORTEN, DRAW_OUT = 0.02, 0.016
"""At most so many seconds of a chunk of 80 ms: a quarter and a fifth faster or slower."""

_SMALLER_PACKETS = 3


def change_of(excess: float) -> float:
    """By how many seconds to make a chunk longer (shorter, below 0), given its `Chunk.excess`.

    What is left to be done within the dead band is nothing, so that the clocks' own trembling
    never changes speech; beyond it the delay is brought half-way into the band.
    """
    if excess > LATE:
        return -min(excess - LATE / 2, SHORTEN)
    if excess < EARLY:
        return min(-excess, DRAW_OUT)
    return 0.0


class Cadence:
    """Tells a jitter buffer what the sender's packets say of those to come."""

    def __init__(self, buffer: JitterBuffer) -> None:
        self._buffer = buffer
        self._chunks: int | None = None
        self._smaller = 0

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
