"""The jitter buffer against a simulated network, loudspeaker and clock."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from app.core.jitter import JitterBuffer
from app.core.playout import Pace
from app.core.pulled import (
    CHUNK_SECONDS,
    Chunk,
    Dry,
    JitterSettings,
    Lost,
    NotStarted,
    Silence,
    Waiting,
)

POLL = 0.005
LOUDSPEAKER_TARGET = 0.04


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def codes_of(sequence: int) -> tuple[int, ...]:
    return (sequence % 2048, 1, 2, 3)


@dataclass
class Call:
    """A loudspeaker that drinks in real time, and what it was given."""

    buffer: JitterBuffer
    clock: FakeClock
    played: list[tuple[float, Chunk | Lost]] = field(default_factory=list)
    silence: float = 0.0
    pace: Pace = field(default_factory=Pace)

    def run(self, arrivals: Iterable[tuple[float, int, bool]], seconds: float) -> None:
        """Feed (time, sequence, is_new) arrivals, times from now, while the loudspeaker drinks."""
        start = self.clock.now
        queue = sorted(
            (start + at, index, seq, new) for index, (at, seq, new) in enumerate(arrivals)
        )
        heapq.heapify(queue)
        level = 0.0
        while self.clock.now < start + seconds:
            while queue and queue[0][0] <= self.clock.now:
                _, _, sequence, is_new = heapq.heappop(queue)
                self.buffer.push(sequence, codes_of(sequence), is_new)
            if level < LOUDSPEAKER_TARGET:
                pulled = self.buffer.pull(slack=level - POLL)
                if isinstance(pulled, Chunk | Lost):
                    self.played.append((self.clock.now, pulled))
                    level += CHUNK_SECONDS
                    if isinstance(pulled, Chunk):
                        level += self.pace.change_of(pulled.excess)
            self.silence += max(POLL - level, 0.0) if self.played else 0.0
            level = max(level - POLL, 0.0)
            self.clock.now += POLL

    @property
    def order(self) -> list[int]:
        return [pulled.sequence for _, pulled in self.played]

    def chunks(self) -> list[Chunk]:
        return [pulled for _, pulled in self.played if isinstance(pulled, Chunk)]


@pytest.fixture
def call() -> Call:
    clock = FakeClock()
    return Call(JitterBuffer(clock), clock)


Delay = Callable[[random.Random], float]


def stream(
    count: int,
    *,
    seed: int = 1,
    loss: float = 0.0,
    delay: Delay = lambda rng: 0.0,
    redundant: int = 0,
    first: int = 0,
) -> list[tuple[float, int, bool]]:
    rng = random.Random(seed)
    arrivals = []
    for index in range(count):
        at = (index + 1) * CHUNK_SECONDS + delay(rng)
        if rng.random() < loss:
            continue
        for back in range(min(redundant, index), 0, -1):
            arrivals.append((at, first + index - back, False))
        arrivals.append((at, first + index, True))
    return arrivals


def on_time(call: Call, numbers: Iterable[int]) -> list[tuple[float, int, bool]]:
    """Arrivals of chunks without delay, counted from the beginning of the call."""
    return [(100.0 + (each + 1) * CHUNK_SECONDS - call.clock.now, each, True) for each in numbers]


def test_nothing_before_the_first_chunk(call: Call) -> None:
    assert call.buffer.pull() == NotStarted()


def test_a_clean_network_plays_every_chunk_once_and_in_order(call: Call) -> None:
    call.run(stream(200), 16)
    assert call.order == list(range(199))
    assert all(chunk.codes == codes_of(chunk.sequence) for chunk in call.chunks())
    stats = call.buffer.stats()
    assert (stats.played, stats.late, stats.duplicate, stats.dropped) == (199, 0, 0, 0)
    assert stats.delay <= 0.04


def test_loss_of_ten_percent_is_concealed_and_nothing_else(call: Call) -> None:
    arrivals = stream(500, seed=2, loss=0.1)
    call.run(arrivals, 41)
    arrived = {sequence for _, sequence, _ in arrivals}
    heard = {chunk.sequence for chunk in call.chunks()}
    assert heard == arrived
    lost = [pulled.sequence for _, pulled in call.played if isinstance(pulled, Lost)]
    assert not arrived & set(lost)
    assert call.order == sorted(call.order)


def test_redundancy_repairs_ten_percent_loss(call: Call) -> None:
    arrivals = stream(1000, seed=3, loss=0.1, redundant=1)
    call.run(arrivals, 82)
    recovered = len({sequence for _, sequence, _ in arrivals})
    stats = call.buffer.stats()
    assert stats.played >= 0.97 * recovered
    assert stats.loss < 0.04
    assert stats.target >= CHUNK_SECONDS  # it waits for the packet that repeats the lost one


def test_without_loss_redundant_copies_count_as_nothing(call: Call) -> None:
    call.run(stream(100, redundant=3), 9)
    stats = call.buffer.stats()
    assert [chunk.sequence for chunk in call.chunks()] == list(range(100))
    assert (stats.duplicate, stats.late, stats.received) == (0, 0, 100)


def test_a_burst_of_loss_runs_dry_and_playing_goes_on_after_it(call: Call) -> None:
    arrivals = [a for a in stream(200) if not 50 <= a[1] < 70]
    call.run(arrivals, 17)
    heard = [chunk.sequence for chunk in call.chunks()]
    assert heard == [*range(50), *range(70, 200)]
    concealed = [pulled for _, pulled in call.played if isinstance(pulled, Lost)]
    assert len(concealed) == 2 * JitterSettings().max_conceal  # the burst, and the end
    assert call.buffer.stats().lost == 20
    assert call.buffer.pull() == Dry()


@pytest.mark.parametrize("spread", [0.03, 0.1, 0.2])
def test_jitter_is_absorbed_once_its_spread_is_known(call: Call, spread: float) -> None:
    call.run(stream(600, seed=4, delay=lambda rng: rng.uniform(0, spread)), 50)
    stats = call.buffer.stats()
    assert call.order == sorted(call.order)
    assert stats.loss < 0.05
    assert stats.target == pytest.approx(spread, abs=0.03)
    late_half = [chunk for chunk in call.chunks() if chunk.sequence >= 300]
    assert len(late_half) >= 285


def test_a_lan_keeps_the_delay_under_forty_milliseconds(call: Call) -> None:
    call.run(stream(500, seed=5, delay=lambda rng: rng.uniform(0, 0.008)), 41)
    waits = sorted(chunk.waited for chunk in call.chunks())
    assert waits[len(waits) // 2] <= 0.04
    assert call.buffer.stats().delay <= 0.06
    assert call.buffer.stats().lost == 0


def test_reordered_chunks_play_in_order(call: Call) -> None:
    arrivals = stream(300, seed=6, delay=lambda rng: 0.11 if rng.random() < 0.2 else 0.0)
    came = [sequence for _, sequence, _ in sorted(arrivals)]
    assert came != sorted(came)
    call.run(arrivals, 26)
    assert call.order == sorted(call.order)
    assert call.buffer.stats().loss < 0.06


def test_duplicates_are_counted_and_play_once(call: Call) -> None:
    arrivals = stream(100)
    again = [(at + 0.001, sequence, True) for at, sequence, _ in arrivals]
    call.run([*arrivals, *again], 9)
    assert [chunk.sequence for chunk in call.chunks()] == list(range(100))
    assert call.buffer.stats().duplicate == 100
    assert call.buffer.stats().late == 0


def test_a_late_chunk_is_counted_and_not_played(call: Call) -> None:
    arrivals = [(at + (0.3 if seq == 100 else 0.0), seq, new) for at, seq, new in stream(200)]
    call.run(arrivals, 17)
    assert 100 not in {chunk.sequence for chunk in call.chunks()}
    assert call.buffer.stats().late == 1


@pytest.mark.parametrize("first", [100_000, 5, 390])
def test_a_sender_that_starts_over_is_heard_again(call: Call, first: int) -> None:
    call.run(stream(100, first=400), 8.0)
    call.run(stream(50, first=first), 5)
    heard = [chunk.sequence for chunk in call.chunks()][-40:]
    assert heard == list(range(first + 10, first + 50))
    assert call.buffer.stats().restarts >= 1


def test_after_a_stall_stale_chunks_are_dropped_and_the_delay_recovers(call: Call) -> None:
    def held_up(arrival: tuple[float, int, bool]) -> tuple[float, int, bool]:
        at, sequence, is_new = arrival
        return (max(at, 9.0) if 8.0 <= at < 9.0 else at), sequence, is_new

    call.run([held_up(arrival) for arrival in stream(300)], 25)
    stats = call.buffer.stats()
    assert stats.dropped > 0
    assert stats.delay <= 0.1
    assert {chunk.sequence for chunk in call.chunks()} >= set(range(150, 300))


def test_a_longer_path_is_taken_as_it_is(call: Call) -> None:
    arrivals = [(at + (0.5 if seq >= 100 else 0.0), seq, new) for at, seq, new in stream(300)]
    call.run(arrivals, 26)
    heard = [chunk.sequence for chunk in call.chunks()]
    assert heard[-150:] == list(range(150, 300))
    assert call.buffer.stats().delay <= 0.1


def test_the_delay_comes_down_when_jitter_ends(call: Call) -> None:
    rough = stream(200, seed=7, delay=lambda rng: rng.uniform(0, 0.2))
    smooth = [(at + 16.0, seq, new) for at, seq, new in stream(400, first=200)]
    call.run([*rough, *smooth], 50)
    stats = call.buffer.stats()
    assert stats.target <= 0.03
    assert stats.delay <= 0.1
    assert stats.dropped == 0  # It was shortened away, a little of each chunk.


def test_a_quiet_sender_costs_no_lost_chunks(call: Call) -> None:
    before, after = stream(50), [(at + 30, seq, new) for at, seq, new in stream(50, first=50)]
    call.run([*before, *after], 36)
    assert [chunk.sequence for chunk in call.chunks()] == list(range(100))
    assert call.buffer.stats().lost == 0
    assert call.buffer.stats().delay <= 0.1


def test_an_announced_silence_is_neither_lost_nor_played(call: Call) -> None:
    call.run(stream(50), 4.1)
    call.buffer.hush(50)
    call.run(on_time(call, range(75, 125)), 6.3)
    assert [chunk.sequence for chunk in call.chunks()] == [*range(50), *range(75, 125)]
    assert call.order == [*range(50), *range(75, 125), 125, 126, 127]
    stats = call.buffer.stats()
    assert (stats.lost, stats.restarts) == (0, 0)
    assert stats.delay <= 0.06


def test_speech_that_follows_silence_waits_for_the_target(call: Call) -> None:
    call.run(stream(100, seed=4, delay=lambda rng: rng.uniform(0, 0.1)), 8.3)
    call.buffer.hush(100)
    target = call.buffer.stats().target
    assert target > 0.06
    call.run(on_time(call, [125]), 126 * CHUNK_SECONDS + 100.005 - call.clock.now)
    pulled = call.buffer.pull()
    assert isinstance(pulled, Silence)
    assert pulled.seconds == pytest.approx(target, abs=0.02)
    call.clock.now += pulled.seconds + 0.001
    assert isinstance(call.buffer.pull(), Chunk)


def test_a_silence_whose_hint_was_lost_is_known_when_speech_begins(call: Call) -> None:
    call.run(stream(50), 4.8)
    assert call.buffer.pull() == Dry()
    call.buffer.begins(200)
    call.run(on_time(call, range(200, 220)), 14)
    assert call.buffer.stats().lost == 0
    assert call.buffer.stats().restarts == 0
    assert [chunk.sequence for chunk in call.chunks()] == [*range(50), *range(200, 220)]


def test_chunks_lost_before_a_silence_are_lost(call: Call) -> None:
    call.run([a for a in stream(50) if a[1] not in (48, 49)], 4.1)
    call.buffer.hush(54, since=4)
    call.run([], 1)
    assert call.buffer.stats().lost == 2
    assert call.buffer.pull() == Silence()


def test_a_silence_is_announced_before_anything_was_said(call: Call) -> None:
    call.buffer.hush(3)
    assert call.buffer.pull() == Silence()
    assert call.buffer.is_silent
    call.run(stream(10, first=1000), 0.9)
    assert call.order[:9] == list(range(1000, 1009))


def test_news_of_silence_that_come_after_speech_began_again_change_nothing(call: Call) -> None:
    call.run(stream(50), 4.1)
    call.buffer.hush(40)
    call.run(on_time(call, range(50, 100)), 4)
    assert [chunk.sequence for chunk in call.chunks()] == list(range(100))


def test_two_silences_under_way_at_once_are_both_known(call: Call) -> None:
    call.run(stream(20), 1.7)
    call.buffer.hush(20)
    call.clock.now += 3
    call.buffer.push(40, codes_of(40))
    call.buffer.hush(41)
    call.buffer.push(57, codes_of(57))
    call.run([], 1)
    assert [chunk.sequence for chunk in call.chunks()] == [*range(20), 40, 57]
    assert call.buffer.stats().lost <= 3


def test_a_chunk_sent_late_on_purpose_says_nothing_of_the_network(call: Call) -> None:
    call.run(stream(50), 4.1)
    before = call.buffer.stats().target
    call.buffer.hush(50)
    for start in range(60, 200, 20):
        times = on_time(call, range(start + 1, start + 10))
        call.run([], times[0][0])
        call.buffer.begins(start)
        call.buffer.push(start, codes_of(start), is_timely=False)
        call.run(on_time(call, range(start + 1, start + 10)), 0.8)
        call.buffer.hush(start + 10)
    assert call.buffer.stats().played == 50 + 7 * 10
    assert call.buffer.stats().target == pytest.approx(before, abs=0.02)


def test_packets_of_more_chunks_are_waited_for_from_the_first_on(call: Call) -> None:
    call.run(stream(50), 4.1)
    call.buffer.expect(4)
    assert call.buffer.stats().target == pytest.approx(0.26)
    call.buffer.expect(1)
    assert call.buffer.stats().target == pytest.approx(0.02, abs=0.01)


def test_a_flood_of_numbers_does_not_fill_the_memory(call: Call) -> None:
    rng = random.Random(9)
    for _ in range(3_000):
        if rng.random() < 0.01:
            call.buffer.hush(rng.randrange(1 << 16), rng.randrange(32))
        elif rng.random() < 0.1:
            call.buffer.begins(rng.randrange(1 << 16))
        call.buffer.push(rng.randrange(1 << 16), (0, 0, 0, 0), rng.random() < 0.8)
        call.buffer.pull()
        call.clock.now += 0.01
        assert call.buffer.stats().depth <= JitterSettings().max_chunks
        assert len(call.buffer._silences) <= JitterSettings().max_chunks


def test_slack_makes_it_wait_and_the_lack_of_it_conceals(call: Call) -> None:
    call.buffer.push(0, codes_of(0))
    call.clock.now += 0.03
    assert isinstance(call.buffer.pull(), Chunk)
    call.clock.now += 0.13
    call.buffer.push(2, codes_of(2))
    assert isinstance(call.buffer.pull(slack=0.05), Waiting)
    assert call.buffer.pull() == Lost(1)


def test_the_same_seed_gives_the_same_call() -> None:
    def once() -> list[tuple[float, Chunk | Lost]]:
        clock = FakeClock()
        call = Call(JitterBuffer(clock), clock)
        call.run(stream(200, seed=8, loss=0.05, delay=lambda rng: rng.uniform(0, 0.15)), 17)
        return call.played

    assert once() == once()
