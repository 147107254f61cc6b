"""The jitter buffer: puts chunks in order and decides, when one is due, what to play.

It serves a consumer that pulls: the receive worker asks for a chunk whenever the loudspeaker holds
little, and says how long the loudspeaker can still wait (`slack`). Chunks are numbered by time, so
that one clock covers speech and silence.

The delay follows the network. For each chunk the buffer notes how late it *became available*
against the fastest of the last seconds, whichever packet brought it, its own or a later one that
repeats it. A high percentile of that lateness is the target delay (percentile-driven playout as
in Ramjee et al., "Adaptive playout mechanisms for packetized audio applications in wide-area
networks", INFOCOM 1994). So jitter raises the target, and so does loss that redundancy repairs.
A chunk not there when due is waited for up to the target, which makes the delay grow to it; later
than that it is given up as lost.

Delay above the target is won back in three ways: speech that begins after a silence starts at the
target; each chunk tells its `excess`, which the consumer shortens away; and after a stall, what is
stale is dropped. Clock drift between the two sound cards is excess like any other.
"""

from __future__ import annotations

import math
from collections import deque

from app.core.meter import Clock
from app.core.packet import Codes
from app.core.pulled import (
    CHUNK_SECONDS,
    Chunk,
    Dry,
    JitterSettings,
    JitterStats,
    Lost,
    NotStarted,
    Pulled,
    Silence,
    Waiting,
)


class JitterBuffer:
    """Orders the chunks of one speaker. Not for several threads at once without a lock."""

    def __init__(self, clock: Clock, settings: JitterSettings | None = None) -> None:
        self._clock = clock
        self._settings = settings or JitterSettings()
        self._quantile = self._settings.quantile
        self._chunks: dict[int, tuple[Codes, int, float]] = {}
        self._next: int | None = None
        self._newest: int | None = None
        self._dry = self._starting = True
        self._silences: list[int] = []
        """Where the silences known of begin, the next to come first."""
        self._concealed_run = 0
        self._floor = 0.0
        self._late_run: list[int] = []
        self._offsets: deque[float] = deque(maxlen=self._settings.history)
        self._known_lateness: float | None = None  # worked out anew when the offsets have changed
        self._recent: deque[int] = deque(maxlen=4 * self._settings.history)
        self._delay = 0.0
        self._received = self._played = self._lost = 0
        self._late = self._duplicate = self._dropped = self._restarts = 0

    def aim(self, quantile: float) -> None:
        """Wait for this share of chunks (0 to 1) from now on."""
        self._quantile, self._known_lateness = quantile, None

    def expect(self, chunks: int) -> None:
        """Be ready for packets of so many chunks, whose first is late by as many as follow it."""
        floor = (chunks - 1) * CHUNK_SECONDS
        if floor < self._floor and self._offsets:
            # What was late by being packed will not be again.
            recent = list(self._offsets)[-chunks:]
            self._offsets.clear()
            self._offsets.extend(recent)
            self._known_lateness = None
        self._floor = floor

    def push(
        self,
        sequence: int,
        codes: Codes,
        is_new: bool = True,
        model_id: int = 0,
        is_timely: bool = True,
    ) -> None:
        """Take a chunk that just arrived.

        `sequence` is unwrapped (`packet.SequenceUnwrapper`). `is_new` is false for a chunk sent
        again for safety: one that was already here or already played is then no news, and not
        counted as duplicate or late. `is_timely` is false for a chunk that was sent late on
        purpose, as that before an onset is: its lateness then says nothing of the network.
        """
        now = self._clock()
        if is_new and self._is_restart(sequence):
            self._restart()
        if sequence in self._chunks:
            self._duplicate += is_new
            return
        if self._next is not None and sequence < self._next:
            self._take_past(sequence, is_new, now)
            return
        if self._dry:
            self._resume(sequence, now)
        self._received += 1
        self._late_run.clear()
        self._chunks[sequence] = (codes, model_id, now)
        self._newest = max(sequence, sequence if self._newest is None else self._newest)
        if is_timely or not self._offsets:
            self._note_offset(sequence, now)

    def hush(self, sequence: int, since: int = 0) -> None:
        """Take the news that chunk `sequence` and the `since` before it are silent."""
        if self._newest is not None and sequence < self._newest:
            if self._newest - sequence <= self._settings.restart_jump:
                return  # Speech came since; this was long under way.
            self._restart()
        if self._next is None:
            self._next = sequence - since
        self._silence_from(sequence - since)

    def begins(self, sequence: int) -> None:
        """Take the news that speech begins with chunk `sequence`: before it was silence.

        To be told before that chunk is pushed.
        """
        if self._next is None or self._newest is None or self._is_restart(sequence):
            return
        if sequence > self._newest + 1:
            self._silence_from(self._newest + 1)

    def pull(self, slack: float = 0.0) -> Pulled:
        """What to play next.

        `slack` is how many seconds the consumer can still wait before it must be given something;
        while it lasts, a missing chunk is waited for.
        """
        if self._next is None:
            return NotStarted()
        now = self._clock()
        if self._silences and self._next >= self._silences[0]:
            return self._end_silence(now)
        if self._dry:
            return Dry()
        self._drop_stale(now)
        delay = self._delay_of(self._next, now)
        if self._next in self._chunks:
            return self._play(delay, now)
        patience = max(self._target() - delay, slack)
        if patience > 0:
            return Waiting(patience)
        return self._give_up()

    @property
    def next_model(self) -> int | None:
        """The model of the chunk to be played next; None unless it is here, and speech goes on."""
        if self._next is None or self._starting:
            return None
        if self._silences and self._next >= self._silences[0]:
            return None
        following = self._chunks.get(self._next)
        return None if following is None else following[1]

    @property
    def is_silent(self) -> bool:
        """Whether the other end is silent, as far as is known here."""
        return bool(self._silences) and not self._chunks

    def stats(self) -> JitterStats:
        """The counts and delays of now."""
        return JitterStats(
            received=self._received,
            played=self._played,
            lost=self._lost,
            late=self._late,
            duplicate=self._duplicate,
            dropped=self._dropped,
            restarts=self._restarts,
            depth=len(self._chunks),
            target=self._target(),
            delay=self._delay,
            jitter=self._lateness(),
        )

    # What came

    def _is_restart(self, sequence: int) -> bool:
        """Whether the sender began anew: a far jump, or a run of numbers long past."""
        if self._next is None:
            return False
        if len(self._chunks) >= self._settings.max_chunks:
            return True
        if sequence >= self._next and self._silences:
            # Silence may last; but what comes after it comes close together.
            base = self._newest if self._chunks and self._newest is not None else sequence
            return abs(sequence - base) > self._settings.restart_jump
        if abs(sequence - self._next) > self._settings.restart_jump:
            return True
        if sequence >= self._next:
            return False
        if self._late_run and sequence <= self._late_run[-1]:
            self._late_run.clear()
        return len(self._late_run) + 1 >= self._settings.restart_run

    def _restart(self) -> None:
        self._restarts += 1
        self._dropped += len(self._chunks)
        self._chunks.clear()
        self._offsets.clear()
        self._known_lateness = None
        self._recent.clear()
        self._late_run.clear()
        self._silences.clear()
        self._next = self._newest = None
        self._concealed_run = 0
        self._dry = self._starting = True

    def _take_past(self, sequence: int, is_new: bool, now: float) -> None:
        """Note a chunk whose turn is over: it came twice, or it came late."""
        known = sequence in self._recent
        if is_new:
            self._duplicate += known
            self._late += not known
            self._late_run.append(sequence)
        if not known:
            self._recent.append(sequence)
            if not self._dry and self._offsets:
                self._note_offset(sequence, now)

    def _resume(self, sequence: int, now: float) -> None:
        """Begin, or begin again after nothing came for a while."""
        if self._next is not None:
            self._lost += max(sequence - self._next, 0)
        self._next = sequence
        self._dry, self._starting = False, True
        self._concealed_run = 0
        longest = self._settings.max_target + CHUNK_SECONDS
        if self._offsets and self._delay_of(sequence, now) > longest:
            # No repeat takes so long: the sender stood still, and its old timing says nothing now.
            self._offsets.clear()
            self._known_lateness = None

    def _silence_from(self, start: int) -> None:
        """From `start` on was silence: what of it was taken for loss is none."""
        assert self._next is not None
        self._lost -= min(self._concealed_run, max(self._next - start, 0))
        self._concealed_run = 0
        if self._dry:
            self._lost += max(start - self._next, 0)
            self._next, self._dry = max(start, self._next), False
        known = self._silences and (self._newest is None or self._newest < self._silences[-1])
        if not known:
            self._silences.append(start)

    def _note_offset(self, sequence: int, now: float) -> None:
        offset = now - sequence * CHUNK_SECONDS
        settling = len(self._offsets) <= self._settings.settle
        if self._offsets and settling and offset < min(self._offsets) - CHUNK_SECONDS / 2:
            # A backlog is coming in at once after a stall. What was held up says nothing of the
            # jitter to come.
            self._offsets.clear()
        self._offsets.append(offset)
        self._known_lateness = None
        self._forget_lost_path()

    def _forget_lost_path(self) -> None:
        """When for a while none was nearly as fast as the fastest, the way has become longer."""
        settle = self._settings.settle
        if len(self._offsets) > settle:
            recent = [self._offsets[index] for index in range(-settle, 0)]
            if min(recent) > min(self._offsets) + self._settings.gone:
                self._offsets.clear()
                self._offsets.extend(recent)

    # How late is late

    def _delay_of(self, sequence: int, now: float) -> float:
        """Seconds behind the fastest chunk's schedule at which `sequence` would play now."""
        return now - sequence * CHUNK_SECONDS - min(self._offsets)

    def _lateness(self) -> float:
        if self._known_lateness is None:
            ranked = sorted(self._offsets) or [0.0]
            rank = math.ceil(self._quantile * len(ranked)) - 1
            self._known_lateness = ranked[rank] - ranked[0]
        return self._known_lateness

    def _target(self) -> float:
        least = self._settings.min_target
        return min(max(self._lateness(), self._floor + least), self._settings.max_target)

    # What to play

    def _end_silence(self, now: float) -> Pulled:
        """Speech after silence: it starts when its first chunk is as late as the target says."""
        if not self._chunks:
            return Silence()
        first = min(self._chunks)
        early = self._target() - self._delay_of(first, now)
        if early > 0:
            return Silence(early)
        self._next = first
        self._silences = [start for start in self._silences if start > first]
        return self._play(self._delay_of(first, now), now)

    def _play(self, delay: float, now: float) -> Pulled:
        assert self._next is not None
        if self._starting and delay < self._settings.min_target:
            return Waiting(self._settings.min_target - delay)
        codes, model_id, arrived = self._chunks.pop(self._next)
        self._recent.append(self._next)
        self._delay, self._starting = delay, False
        self._concealed_run = 0
        self._played += 1
        self._next += 1
        # Against the fastest of late: sound that is not here yet cannot be hurried.
        newest = (self._offsets[-index] for index in range(1, min(10, len(self._offsets)) + 1))
        excess = delay + min(self._offsets) - min(newest) - self._target()
        return Chunk(self._next - 1, codes, now - arrived, model_id, excess)

    def _give_up(self) -> Pulled:
        assert self._next is not None
        if not self._chunks and self._concealed_run >= self._settings.max_conceal:
            # What was concealed last never came, nor anything after it: had the sender only been
            # quiet, its next chunk is the first of these, and must not count as late.
            self._next -= self._concealed_run
            self._lost -= self._concealed_run
            self._concealed_run = 0
            self._dry = True
            return Dry()
        self._concealed_run += 1
        self._lost += 1
        self._next += 1
        return Lost(self._next - 1)

    def _drop_stale(self, now: float) -> None:
        """Win back delay at once after a stall; what is merely long, the consumer shortens."""
        assert self._next is not None
        excess = self._delay_of(self._next, now) - self._target()
        if excess >= self._settings.stale:
            self._skip(int(excess / CHUNK_SECONDS))

    def _skip(self, chunks: int) -> None:
        """Pass over so many chunks, but never over the newest that is here."""
        assert self._next is not None
        last = max(self._chunks, default=self._next)
        to = min(self._next + chunks, last, *self._silences[:1])
        for sequence in range(self._next, to):
            if self._chunks.pop(sequence, None) is None:
                self._lost += 1
            else:
                self._dropped += 1
            self._recent.append(sequence)
        self._next = max(self._next, to)
