"""Whole lines: what becomes of speech between a sender and a listener, over hours and bad paths."""

from __future__ import annotations

import random
import sys
from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from statistics import mean

import pytest

from app.core.profile import Profile, ProfilePolicy
from tests.core.line import (
    CHUNK,
    Direction,
    Path,
    both_ways,
    burst_loss,
    direction,
    random_loss,
    run,
)


def after(line: Direction, seconds: float) -> list[float]:
    """Delays from mouth to loudspeaker of the chunks played since."""
    return [delay for at, delay in line.delays if at >= seconds]


@pytest.mark.parametrize(
    ("profile", "most"), [(Profile.LOW_DELAY, 0.1), (Profile.BALANCED, 0.18), (Profile.SAVER, 0.34)]
)
def test_a_clean_path_loses_nothing_at_the_least_delay(profile: Profile, most: float) -> None:
    line = direction(profile=profile)
    run(line.clock, [line], 20)
    assert line.played == list(range(len(line.played)))
    assert (line.lost, line.gaps) == ([], 0.0)
    assert max(line.delays)[1] <= most


@pytest.mark.parametrize("seed", [1, 2])
def test_random_loss_of_a_tenth_all_but_disappears(seed: int) -> None:
    line = direction(Path(random_loss(0.1, seed)))
    run(line.clock, [line], 120)
    assert line.arrivals.read().loss > 0.02
    assert line.concealed <= 0.01


@pytest.mark.parametrize("seed", [1, 2])
def test_most_of_what_bursts_take_comes_again(seed: int) -> None:
    line = direction(Path(burst_loss(0.2, 3, seed)))
    run(line.clock, [line], 120)
    assert line.concealed <= 0.01
    assert line.plans[-1][1].distances == (1, 2, 3)


def test_repeats_cost_little_where_nothing_is_lost() -> None:
    line = direction()
    run(line.clock, [line], 20)
    assert {plan.distances for _, plan in line.plans} == {(1,)}


@pytest.mark.parametrize("queue", [0.3, 4.0])
def test_a_narrow_line_is_noticed_within_five_seconds_and_kept_to(queue: float) -> None:
    lines = both_ways(lambda: Path(kbits=8.0, queue_seconds=queue))
    run(lines[0].clock, lines, 75)
    for line in lines:
        savers = [at for at, plan in line.plans if plan.profile is Profile.SAVER]
        assert savers[0] <= 5.0
        profiles = [plan.profile for _, plan in line.plans]
        assert sum(a != b for a, b in pairwise(profiles)) <= 3
        assert line.arrivals.read().queue < 0.25


def test_the_profile_changes_without_a_gap_in_speech() -> None:
    line = direction(profile=Profile.LOW_DELAY)
    for profile in (Profile.SAVER, Profile.BALANCED, Profile.SAVER, Profile.LOW_DELAY):
        run(line.clock, [line], 8)
        line.policy.choose(profile)
    run(line.clock, [line], 8)
    assert line.played == list(range(len(line.played)))
    assert (line.lost, line.gaps) == ([], pytest.approx(0.0, abs=0.02))
    assert after(line, 38)[-1] <= 0.1


def turns(number: int) -> bool:
    """Speech for 1.6 s, a pause for 2.4 s, again and again."""
    return number % 50 < 20


def test_silence_costs_next_to_nothing_and_is_no_loss() -> None:
    line = direction(Path(random_loss(0.1)), Profile.LOW_DELAY, speaks=turns)
    run(line.clock, [line], 120)
    spoken = sum(turns(number) for number in range(1500))
    assert line.sent_packets <= spoken + 3 * 30
    assert line.concealed <= 0.03
    stats = line.buffer.stats()
    assert stats.played + stats.lost <= spoken + 31  # the chunk before each onset as well
    assert line.gaps <= 0.5


def test_both_silent_send_a_packet_each_half_minute() -> None:
    line = direction(speaks=lambda number: False)
    run(line.clock, [line], 600)
    assert line.sent_packets <= 22
    assert (line.played, line.lost) == ([], [])


@pytest.mark.parametrize("drift", [1e-3, -1e-3])
def test_clocks_that_differ_do_not_make_the_delay_drift(drift: float) -> None:
    """1000 ppm for ten minutes: 0.6 s, as much as 100 ppm, what cards may have, in 100 minutes."""
    line = direction(profile=Profile.LOW_DELAY, drift=drift)
    run(line.clock, [line], 600)
    assert max(after(line, 10)) - min(after(line, 10)) <= 0.12
    assert (line.lost, line.buffer.stats().dropped) == ([], 0)
    assert line.gaps == pytest.approx(0.0, abs=0.1)
    assert line.played == list(range(len(line.played)))


def holds(thing: object, seen: set[int] | None = None) -> int:
    """Bytes of memory that belong to an object and all it refers to."""
    seen = set() if seen is None else seen
    if id(thing) in seen or callable(thing):
        return 0
    seen.add(id(thing))
    parts: Iterable[object] = vars(thing).values() if hasattr(thing, "__dict__") else ()
    if isinstance(thing, dict):
        parts = [*thing, *thing.values()]
    elif isinstance(thing, tuple | list | set | deque):
        parts = thing
    return sys.getsizeof(thing) + sum(holds(part, seen) for part in parts)


def test_a_call_of_two_hours_ends_as_late_and_as_large_as_it_began() -> None:
    """With sound cards 100 ppm apart: 0.72 s in two hours. Loss, jitter and pauses as they are."""
    rng = random.Random(4)
    path = Path(random_loss(0.02), lambda: 0.03 + rng.expovariate(100))
    line = direction(path, None, drift=1e-4, speaks=lambda number: number % 50 < 30)
    stages = (line.packer, line.policy, line.cadence, line.arrivals, line.pace, line.buffer)

    def minute_on() -> tuple[float, int]:
        """How late speech is in the mean over the next minute, and how large all is after it."""
        since = line.clock.now - line.start
        run(line.clock, [line], 60)
        return mean(after(line, since)), sum(holds(stage) for stage in (*stages, line.meter))

    run(line.clock, [line], 4 * 60)
    delay, size = minute_on()
    run(line.clock, [line], 2 * 3600 - 6 * 60)
    delay_at_the_end, size_at_the_end = minute_on()
    assert delay_at_the_end == pytest.approx(delay, abs=0.06)
    assert size_at_the_end <= 1.1 * size
    assert line.buffer.stats().depth < 20
    assert line.concealed <= 0.01


def test_after_a_stall_the_delay_returns() -> None:
    stalled = {"until": 0.0}
    clock_now = {"now": 0.0}
    path = Path(delay=lambda: 0.03 + max(stalled["until"] - clock_now["now"], 0.0))
    line = direction(path, Profile.LOW_DELAY)
    usual = 0.0
    for second in range(40):
        clock_now["now"] = line.clock.now
        if second == 10:
            usual = max(after(line, 5))
            stalled["until"] = line.clock.now + 2.0
        for _ in range(10):
            clock_now["now"] = line.clock.now
            run(line.clock, [line], 0.1)
    assert max(after(line, 12)) > usual  # it was felt
    assert max(after(line, 30)) <= usual + CHUNK


def test_a_sender_that_starts_over_is_heard_again() -> None:
    line = direction(profile=Profile.LOW_DELAY)
    run(line.clock, [line], 20)
    before = len(line.played)
    again = Direction(line.clock, line.path, ProfilePolicy(line.clock, Profile.LOW_DELAY))
    again.buffer, again.arrivals, again.unwrap = line.buffer, line.arrivals, line.unwrap
    again.cadence = line.cadence
    run(line.clock, [again], 10)
    assert len(again.played) >= 10 / CHUNK - 8
    assert before > 200
