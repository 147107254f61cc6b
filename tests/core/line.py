"""A simulated line: sender, policy and packets on one side, meters and jitter buffer on the other.

Nothing is encoded: a chunk's codes are its number, by which what is played can be told. Time is
simulated, chance is seeded.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from app.core import packet
from app.core.arrivals import Arrival, ArrivalMeter
from app.core.jitter import JitterBuffer
from app.core.meter import Meter
from app.core.packet import NoiseHint, SequenceUnwrapper, SilencePacket, VoicePacket
from app.core.packing import Packer, Rate
from app.core.playout import Cadence, Pace
from app.core.profile import LinkReading, Plan, Profile, ProfilePolicy
from app.core.pulled import Chunk, Lost, Silence

CHUNK = 0.08
RATES = (Rate(1, 16), Rate(5, 12, 4), Rate(6, 11, 5))
BITS = {rate.model_id: rate.bits_per_code for rate in RATES}
ROOM = NoiseHint(60)
_HEADERS = 28 + 37 + 12 + 16
_ACK_SECONDS = 0.5
_AGAIN_SECONDS = 0.5
"""SCTP sends again what three acknowledgements missed (RFC 9260 section 7.2.4), and voice brings
them soon."""
_STEP = 0.02
_LEAD = 0.03


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


Lose = Callable[[], bool]
"""Whether the next packet is lost."""


def random_loss(share: float, seed: int = 1) -> Lose:
    rng = random.Random(seed)
    return lambda: rng.random() < share


def burst_loss(share: float, length: int, seed: int = 1) -> Lose:
    """Runs of exactly `length` packets, `share` of all; after each one comes through."""
    rng = random.Random(seed)
    start = share / (length * (1 - share))

    def packets() -> Iterator[bool]:
        while True:
            if rng.random() < start:
                yield from [True] * length
            yield False

    fate = packets()
    return lambda: next(fate)


def no_loss() -> bool:
    return False


@dataclass
class Path:
    """One direction: what it loses, how long it takes, and a bottleneck with its queue.

    `kbits` is its capacity with headers, None for endless; `queue_seconds` the longest it holds a
    packet back before it drops it. `busy_until` is when the last packet will have left it.
    """

    lose: Lose = no_loss
    delay: Callable[[], float] = lambda: 0.03
    kbits: float | None = None
    queue_seconds: float = 4.0
    busy_until: float = 0.0

    def arrival(self, now: float, size: int) -> float | None:
        """When a message of `size` bytes arrives; None when it does not."""
        if self.lose():
            return None
        if self.kbits is None:
            return now + self.delay()
        if self.busy_until - now > self.queue_seconds:
            return None
        octets = _HEADERS + -(-size // 4) * 4
        self.busy_until = max(self.busy_until, now) + octets * 8 / self.kbits / 1000
        return self.busy_until + self.delay()


@dataclass(frozen=True)
class _Again:
    """A report that was lost, and is sent again: the control channel is reliable."""

    report: Arrival


@dataclass
class Direction:
    """One who speaks and one who listens. `policy` may be changed as in a call.

    `drift` is by how much the listener's sound card is faster than the speaker's.
    """

    clock: Clock
    path: Path
    policy: ProfilePolicy
    drift: float = 0.0
    speaks: Callable[[int], bool] = lambda number: True
    reports: Path = field(default_factory=Path)
    plans: list[tuple[float, Plan]] = field(default_factory=list)
    sent_bytes: int = 0
    sent_packets: int = 0
    played: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    delays: list[tuple[float, float]] = field(default_factory=list)
    gaps: float = 0.0

    def __post_init__(self) -> None:
        self.start = self.clock.now
        self.packer = Packer(RATES)
        self.buffer = JitterBuffer(self.clock)
        self.cadence, self.arrivals = Cadence(self.buffer), ArrivalMeter(self.clock)
        self.pace = Pace()
        self.meter = Meter(self.clock)
        self.unwrap = SequenceUnwrapper()
        self.reading = LinkReading()
        self._number = 0
        self._acked_at = self.start
        self._under_way: list[tuple[float, int, bytes | Arrival | _Again]] = []
        self._count = 0
        self._queued = 0.0
        self._hears_silence = True

    def step(self) -> None:
        """What happens now; the clock moves on afterwards, by `_STEP`."""
        while self._number * CHUNK <= self.clock.now - self.start:
            self._speak()
        while self._under_way and self._under_way[0][0] <= self.clock.now:
            self._arrive(heapq.heappop(self._under_way)[2])
        if self.clock.now - self._acked_at >= _ACK_SECONDS:
            self._acked_at = self.clock.now
            self.reports.arrival(self.clock.now, 0)  # An acknowledgement takes its room, no more.
        self._listen()

    def _speak(self) -> None:
        plan = self.policy.decide(self.reading)
        if not self.plans or self.plans[-1][1] != plan:
            self.plans.append((self.clock.now - self.start, plan))
        codes = tuple((self._number >> 8 * (3 - index) & 0xFF) << 8 for index in range(4))
        out = (
            self.packer.voice(codes, plan)
            if self.speaks(self._number)
            else self.packer.silence(codes, ROOM, plan)
        )
        self._number += 1
        for each in out:
            self.sent_packets += 1
            self.meter.sent_codes(each.code_bits)
            self.meter.sent_payload(len(each.data))
            self.sent_bytes += _HEADERS + -(-len(each.data) // 4) * 4
            self._send(self.path, each.data, len(each.data))

    def _send(self, path: Path, what: bytes | Arrival, size: int) -> None:
        at = path.arrival(self.clock.now, size)
        if at is None and isinstance(what, Arrival):
            at, what = self.clock.now + _AGAIN_SECONDS, _Again(what)
        if at is not None:
            self._count += 1
            heapq.heappush(self._under_way, (at, self._count, what))

    def _arrive(self, what: bytes | Arrival | _Again) -> None:
        if isinstance(what, _Again):
            self._send(self.reports, what.report, 5)
            return
        if isinstance(what, Arrival):
            self.reading = LinkReading(what.loss, what.burst, what.queue)
            return
        self.meter.received_payload(len(what))
        came = packet.decode(what, BITS)
        number = self.unwrap.unwrap(came.sequence)
        match came:
            case SilencePacket():
                self.arrivals.silence(came, number)
                self.buffer.hush(number, came.since)
            case VoicePacket():
                self.arrivals.voice(came, number)
                self.cadence.see(came)
                if came.onset:
                    self.buffer.begins(number)
                last = number + len(came.new) - 1
                for each, codes, is_new in packet.numbered(came, number):
                    timely = not came.onset or each == last
                    self.buffer.push(each, codes, is_new, came.model_id, timely)
        if (arrival := self.arrivals.due()) is not None:
            self._send(self.reports, arrival, 5)

    def _listen(self) -> None:
        while self._queued < _LEAD:
            pulled = self.buffer.pull(self._queued)
            match pulled:
                case Chunk():
                    self._play(pulled)
                case Lost():
                    self.lost.append(pulled.sequence)
                    self._queued += CHUNK
                case _:
                    self._hears_silence = isinstance(pulled, Silence) or self._hears_silence
                    break
        missing = max(_STEP * (1 + self.drift) - self._queued, 0.0)
        if not self._hears_silence:
            self.gaps += missing
        self._queued = max(self._queued - _STEP * (1 + self.drift), 0.0)

    def _play(self, chunk: Chunk) -> None:
        left_out = next(rate.left_out for rate in RATES if rate.model_id == chunk.model_id)
        number = sum((code << left_out >> 8) << 8 * (3 - i) for i, code in enumerate(chunk.codes))
        self.played.append(number)
        self.delays.append(
            (self.clock.now - self.start, self.clock.now - self.start - number * CHUNK)
        )
        self.meter.played()
        self._queued += CHUNK + self.pace.change_of(chunk.excess)
        self._hears_silence = False

    @property
    def concealed(self) -> float:
        """The share of chunks concealed."""
        stats = self.buffer.stats()
        return stats.lost / (stats.lost + stats.played)


def run(clock: Clock, directions: list[Direction], seconds: float) -> None:
    """Let `seconds` pass."""
    end = clock.now + seconds
    while clock.now < end:
        for each in directions:
            each.step()
        clock.now += _STEP


def both_ways(path: Callable[[], Path], profile: Profile | None = None) -> list[Direction]:
    """A call in which both talk without a pause; each way also carries the other's reports."""
    clock = Clock()
    there, back = path(), path()
    return [
        Direction(clock, there, ProfilePolicy(clock, profile), reports=back),
        Direction(clock, back, ProfilePolicy(clock, profile), reports=there),
    ]


def direction(
    path: Path | None = None, profile: Profile | None = Profile.BALANCED, **more: object
) -> Direction:
    clock = Clock()
    return Direction(clock, path or Path(), ProfilePolicy(clock, profile), **more)  # type: ignore[arg-type]
