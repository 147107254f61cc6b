"""The jitter buffer: puts chunks in order and decides, when one is due, what to play.

It serves a consumer that pulls: the receive worker asks for a chunk whenever the loudspeaker holds
little, and says how long the loudspeaker can still wait (`slack`).

The delay follows the network. For each chunk the buffer notes how late it *became available*
against the fastest of the last seconds, whichever packet brought it, its own or a later one that
repeats it. The 95th percentile of that lateness is the target delay (percentile-driven playout as
in Ramjee et al., "Adaptive playout mechanisms for packetized audio applications in wide-area
networks", INFOCOM 1994). So jitter raises the target, and so does loss that redundancy repairs.
A chunk not there when due is waited for up to the target, which makes the delay grow to it; later
than that it is given up as lost. When the delay stays a chunk above the target, a chunk is
dropped; after a stall, all that is stale.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from app.core.meter import Clock
from app.core.packet import Codes

CHUNK_SECONDS = 0.08


@dataclass(frozen=True)
class JitterSettings:
    """How the buffer weighs delay against loss. Times in seconds, lengths in chunks."""

    min_target: float = 0.02
    max_target: float = 0.24
    quantile: float = 0.95
    history: int = 100
    settle: int = 25
    step_down: float = 0.06
    stale: float = 0.24
    max_conceal: int = 3
    restart_jump: int = 250
    restart_run: int = 5


@dataclass(frozen=True)
class Chunk:
    """Play these codes. `waited` is how many seconds they lay in the buffer."""

    sequence: int
    codes: Codes
    waited: float


@dataclass(frozen=True)
class Lost:
    """This chunk was due and is not there: play something in its place."""

    sequence: int


@dataclass(frozen=True)
class NotStarted:
    """Nothing came yet."""


@dataclass(frozen=True)
class Waiting:
    """The next chunk is worth waiting for, at least `seconds` more. Ask again."""

    seconds: float


@dataclass(frozen=True)
class Dry:
    """The other end went quiet: nothing came for longer than is worth concealing."""


Nothing = NotStarted | Waiting | Dry
Pulled = Chunk | Lost | Nothing


@dataclass(frozen=True)
class JitterStats:
    """A look at the buffer. Counts are chunks since its start.

    `lost` were due and concealed, or never came while the buffer was dry; `late` came after that;
    `dropped` were thrown away to win back delay; `duplicate` came twice. `target` and `delay` are
    the delay aimed at and the one in force, `jitter` the spread the network shows; in seconds.
    """

    received: int = 0
    played: int = 0
    lost: int = 0
    late: int = 0
    duplicate: int = 0
    dropped: int = 0
    restarts: int = 0
    depth: int = 0
    target: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0

    @property
    def loss(self) -> float:
        """The share of chunks due that had to be concealed, 0 to 1."""
        return self.lost / (self.lost + self.played) if self.lost else 0.0


class JitterBuffer:
    """Orders the chunks of one speaker. Not for several threads at once without a lock."""

    def __init__(self, clock: Clock, settings: JitterSettings | None = None) -> None:
        self._clock = clock
        self._settings = settings or JitterSettings()
        self._chunks: dict[int, tuple[Codes, float]] = {}
        self._next: int | None = None
        self._dry = True
        self._concealed_run = 0
        self._late_run: list[int] = []
        self._offsets: deque[float] = deque(maxlen=self._settings.history)
        self._delays: deque[float] = deque(maxlen=self._settings.settle)
        self._recent: deque[int] = deque(maxlen=4 * self._settings.history)
        self._delay = 0.0
        self._received = self._played = self._lost = 0
        self._late = self._duplicate = self._dropped = self._restarts = 0

    def push(self, sequence: int, codes: Codes, is_new: bool = True) -> None:
        """Take a chunk that just arrived.

        `sequence` is unwrapped (`packet.SequenceUnwrapper`). `is_new` is false for a chunk sent
        again for safety: one that was already here or already played is then no news, and not
        counted as duplicate or late.
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
            self._resume(sequence)
        self._received += 1
        self._late_run.clear()
        self._chunks[sequence] = (codes, now)
        self._note_offset(sequence, now)

    def pull(self, slack: float = 0.0) -> Pulled:
        """What to play next.

        `slack` is how many seconds the consumer can still wait before it must be given something;
        while it lasts, a missing chunk is waited for.
        """
        if self._next is None:
            return NotStarted()
        if self._dry:
            return Dry()
        now = self._clock()
        self._drop_stale(now)
        delay = self._delay_of(self._next, now)
        if self._next in self._chunks:
            return self._play(delay, now)
        patience = max(self._target() - delay, slack)
        if patience > 0:
            return Waiting(patience)
        return self._give_up()

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
        self._recent.clear()
        self._late_run.clear()
        self._next = None
        self._dry = True

    def _take_past(self, sequence: int, is_new: bool, now: float) -> None:
        """Note a chunk whose turn is over: it came twice, or it came late."""
        known = sequence in self._recent
        if is_new:
            self._duplicate += known
            self._late += not known
            self._late_run.append(sequence)
        if not known:
            self._recent.append(sequence)
            if not self._dry:
                self._note_offset(sequence, now)

    def _resume(self, sequence: int) -> None:
        """Begin, or begin again after the sender was quiet: the old timing says nothing now."""
        if self._next is not None:
            self._lost += max(sequence - self._next, 0)
        self._next = sequence
        self._dry = False
        self._concealed_run = 0
        self._offsets.clear()
        self._delays.clear()

    def _note_offset(self, sequence: int, now: float) -> None:
        offset = now - sequence * CHUNK_SECONDS
        settling = len(self._offsets) <= self._settings.settle
        if self._offsets and settling and offset < min(self._offsets) - CHUNK_SECONDS / 2:
            # A backlog is coming in at once after a stall. What was held up says nothing of the
            # jitter to come.
            self._offsets.clear()
        self._offsets.append(offset)

    # How late is late

    def _delay_of(self, sequence: int, now: float) -> float:
        """Seconds behind the fastest chunk's schedule at which `sequence` would play now."""
        return now - sequence * CHUNK_SECONDS - min(self._offsets)

    def _lateness(self) -> float:
        if not self._offsets:
            return 0.0
        ranked = sorted(self._offsets)
        rank = math.ceil(self._settings.quantile * len(ranked)) - 1
        return ranked[rank] - ranked[0]

    def _target(self) -> float:
        return min(max(self._lateness(), self._settings.min_target), self._settings.max_target)

    # What to play

    def _play(self, delay: float, now: float) -> Pulled:
        assert self._next is not None
        starting = not self._delays and self._concealed_run == 0
        if starting and delay < self._settings.min_target:
            return Waiting(self._settings.min_target - delay)
        codes, arrived = self._chunks.pop(self._next)
        self._recent.append(self._next)
        self._delay = delay
        self._delays.append(delay)
        self._concealed_run = 0
        self._played += 1
        self._next += 1
        return Chunk(self._next - 1, codes, now - arrived)

    def _give_up(self) -> Pulled:
        assert self._next is not None
        if not self._chunks and self._concealed_run >= self._settings.max_conceal:
            # What was concealed last never came, nor anything after it: had the sender only been
            # quiet, its next chunk is the first of these, and must not count as late.
            self._next -= self._concealed_run
            self._lost -= self._concealed_run
            self._dry = True
            return Dry()
        self._concealed_run += 1
        self._lost += 1
        self._next += 1
        return Lost(self._next - 1)

    def _drop_stale(self, now: float) -> None:
        """Win back delay: at once after a stall, a chunk at a time when it is merely long."""
        assert self._next is not None
        excess = self._delay_of(self._next, now) - self._target()
        if excess >= self._settings.stale:
            self._skip(int(excess / CHUNK_SECONDS))
        elif len(self._delays) == self._delays.maxlen:
            usual = min(self._delays) - self._target()
            if min(usual, excess) >= self._settings.step_down:
                self._skip(1)

    def _skip(self, chunks: int) -> None:
        """Pass over so many chunks, but never over the newest that is here."""
        assert self._next is not None
        newest = max(self._chunks, default=self._next)
        to = min(self._next + chunks, newest)
        for sequence in range(self._next, to):
            if self._chunks.pop(sequence, None) is None:
                self._lost += 1
            else:
                self._dropped += 1
            self._recent.append(sequence)
        if to > self._next:
            self._next = to
            self._delays.clear()
