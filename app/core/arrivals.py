"""What a receiver can say of the way its packets come: how many are lost, in what bursts, how late.

It looks at each packet's new chunks alone, so that what redundancy repairs still counts as lost:
the sender decides by it how much to repeat. A silence that was announced is not loss.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from app.core.meter import Clock
from app.core.packet import SilencePacket, VoicePacket
from app.core.pulled import CHUNK_SECONDS

_MEMORY_CHUNKS = 75
_JUMP_CHUNKS = 250
_BASE_SECONDS = 30.0
_RECENT_SECONDS = 1.0
_REPORT_SECONDS = 1.0
_REPEAT_SECONDS = 5.0
_LOSS_STEP = 0.02
_QUEUE_STEP = 0.08


@dataclass(frozen=True)
class Arrival:
    """How the other end's packets came of late.

    `loss` is the share of chunks that did not come when new, 0 to 1; `burst` the mean length of a
    run of lost packets; `queue` how many seconds the earliest packet of the last second came later
    than the earliest of the last half minute: the time they all stand in some queue on their way.
    """

    loss: float = 0.0
    burst: float = 1.0
    queue: float = 0.0


class ArrivalMeter:
    """Follows the packets of one sender. Not for several threads at once without a lock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._came: dict[int, bool] = {}
        self._next: int | None = None
        self._silent = False
        self._chunks_a_packet = 1
        self._offsets: deque[tuple[float, float]] = deque()
        self._reported = Arrival()
        self._reported_at = clock()

    def voice(self, voice: VoicePacket, sequence: int) -> int:
        """A packet came; `sequence` is its number unwrapped. Returns how many chunks were news."""
        end = sequence + len(voice.new)
        if self._next is None or abs(sequence - self._next) > _JUMP_CHUNKS:
            self._came.clear()
            self._next = sequence
        if self._silent and not voice.onset:
            # The packet in which speech began was lost; all before it was silence.
            self._next = max(self._next, sequence - len(voice.new))
        if not voice.onset:
            for number in range(self._next, sequence):
                self._came[number] = False
        self._silent = False
        news = 0
        for number in range(sequence, end):
            if number >= self._next or self._came.get(number) is False:
                self._came[number] = True
                news += 1
        if end > self._next:
            self._next = end
            self._chunks_a_packet = len(voice.new)
        self._forget()
        self._note_offset(self._clock() - end * CHUNK_SECONDS)
        return news

    def silence(self, quiet: SilencePacket, sequence: int) -> None:
        """The sender said that it is silent; `sequence` is the packet's number unwrapped."""
        began = sequence - quiet.since
        if self._next is not None and 0 < began - self._next <= _JUMP_CHUNKS:
            for number in range(self._next, began):
                self._came[number] = False
        self._next, self._silent = sequence + 1, True
        self._forget()

    def read(self) -> Arrival:
        """How packets came of late."""
        lost = [number for number, came in self._came.items() if not came]
        if not lost:
            return Arrival(queue=self._queue())
        runs = sum(self._came.get(number - 1, True) for number in lost)
        # As if one packet had been lost alone before: a single run does not yet make a habit.
        burst = max((len(lost) / self._chunks_a_packet + 1) / (runs + 1), 1.0)
        return Arrival(len(lost) / len(self._came), burst, self._queue())

    def due(self) -> Arrival | None:
        """What to report now; None when there is no news. At most once a second."""
        now = self._clock()
        passed = now - self._reported_at
        if passed < _REPORT_SECONDS:
            return None
        arrival = self.read()
        trouble = arrival.loss > _LOSS_STEP or arrival.queue > _QUEUE_STEP
        if not (self._is_news(arrival) or (trouble and passed >= _REPEAT_SECONDS)):
            return None
        self._reported, self._reported_at = arrival, now
        return arrival

    def _is_news(self, arrival: Arrival) -> bool:
        """Whether it differs from the last report by what could matter."""
        before = self._reported
        step = max(_LOSS_STEP, before.loss / 3)
        ended = before.loss > 0.0 and arrival.loss == 0.0
        return (
            ended
            or abs(arrival.loss - before.loss) >= step
            or abs(arrival.queue - before.queue) >= _QUEUE_STEP
            or (arrival.loss > _LOSS_STEP and abs(arrival.burst - before.burst) >= 0.5)
        )

    def _forget(self) -> None:
        if len(self._came) > _MEMORY_CHUNKS:
            kept = sorted(self._came)[-_MEMORY_CHUNKS:]
            self._came = {number: self._came[number] for number in kept}

    def _note_offset(self, offset: float) -> None:
        now = self._clock()
        # Each kept is less than all that came after it, so the first is the least of its time on.
        while self._offsets and self._offsets[-1][1] >= offset:
            self._offsets.pop()
        self._offsets.append((now, offset))
        while self._offsets[0][0] < now - _BASE_SECONDS:
            self._offsets.popleft()

    def _queue(self) -> float:
        if not self._offsets:
            return 0.0
        since = self._clock() - _RECENT_SECONDS
        recent = (offset for at, offset in self._offsets if at >= since)
        return next(recent, self._offsets[-1][1]) - self._offsets[0][1]
