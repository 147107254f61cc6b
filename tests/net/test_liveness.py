from __future__ import annotations

from itertools import pairwise

import pytest

from app.core.control import Ping, Pong
from app.net.config import Patience
from app.net.liveness import Liveness


class FakeClock:
    def __init__(self, now: float = 10.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def pings(liveness: Liveness, clock: FakeClock, seconds: float, talking: bool) -> list[Ping]:
    sent = []
    for _ in range(round(seconds / 0.1)):
        clock.now += 0.1
        if talking:
            liveness.heard()
        ping = liveness.due_ping()
        if ping:
            sent.append(ping)
    return sent


def test_a_silent_peer_is_pinged_each_second() -> None:
    clock = FakeClock()
    sent = pings(Liveness(clock, Patience()), clock, 10.05, talking=False)
    assert 9 <= len(sent) <= 11
    assert len({ping.id for ping in sent}) == len(sent)


def settled(clock: FakeClock) -> Liveness:
    """One that talks with a peer for so long that pings are as rare as they get."""
    liveness = Liveness(clock, Patience())
    assert len(pings(liveness, clock, 15.5, talking=True)) == 4
    assert pings(liveness, clock, 9.0, talking=True)
    liveness._pinged_at = clock.now
    return liveness


def test_a_peer_that_is_heard_is_pinged_ever_more_rarely() -> None:
    clock = FakeClock()
    sent = pings(Liveness(clock, Patience()), clock, 47, talking=True)
    apart = [(b.sent_ms - a.sent_ms) / 1000 for a, b in pairwise(sent)]
    assert apart == pytest.approx([2, 4, 8, 10, 10, 10], abs=0.15)


def test_silence_counts_from_the_last_message() -> None:
    clock = FakeClock()
    liveness = Liveness(clock, Patience())
    clock.now += 4
    assert liveness.silence == pytest.approx(4)
    liveness.heard()
    assert liveness.silence == 0


def test_a_peer_that_said_it_is_silent_is_pinged_as_if_heard() -> None:
    clock = FakeClock()
    liveness = settled(clock)
    liveness.heard_voice(silence=True)
    assert 3 <= answered(liveness, clock, 40) <= 4
    liveness.said(silence=True)
    assert answered(liveness, clock, 60) == 3


def answered(liveness: Liveness, clock: FakeClock, seconds: float) -> int:
    """How many pings are sent when each is answered soon."""
    count = 0
    for _ in range(round(seconds / 0.1)):
        clock.now += 0.1
        if liveness.due_ping():
            count += 1
            clock.now += 0.05
            liveness.heard()
        assert liveness.silence < 1.0
    return count


def test_a_silent_peer_that_does_not_answer_is_missed() -> None:
    clock = FakeClock()
    liveness = Liveness(clock, Patience())
    liveness.heard()
    liveness.heard_voice(silence=True)
    liveness.said(silence=True)
    assert liveness.due_ping()
    clock.now += 3.0
    assert liveness.due_ping()
    assert liveness.silence == pytest.approx(3.0)
    liveness.heard()
    assert liveness.silence == 0.0


def test_who_begins_to_speak_to_a_silent_peer_asks_whether_it_is_there() -> None:
    clock = FakeClock()
    liveness = settled(clock)
    liveness.heard_voice(silence=True)
    liveness.said(silence=True)
    clock.now += 10.5
    assert liveness.due_ping() is None
    liveness.said(silence=False)
    assert liveness.due_ping()
    liveness.heard()
    clock.now += 1
    liveness.said(silence=False)
    assert liveness.due_ping() is None


@pytest.mark.parametrize("start", [10.0, (2**32 - 50) / 1000])
def test_the_round_trip_is_smoothed(start: float) -> None:
    clock = FakeClock(start)
    liveness = Liveness(clock, Patience())
    assert liveness.round_trip is None
    for delay, expected in ((0.1, 0.1), (0.2, 0.125), (0.125, 0.125)):
        clock.now += 2
        ping = liveness.due_ping()
        assert ping is not None
        clock.now += delay
        assert liveness.measure(Pong(ping.id, ping.sent_ms)) == pytest.approx(expected, abs=0.003)


def test_a_pong_nobody_asked_for_measures_nothing() -> None:
    liveness = Liveness(FakeClock(), Patience())
    liveness.measure(Pong(1, 999_999_999))
    assert liveness.round_trip is None


def test_who_speaks_to_a_silent_peer_misses_its_acknowledgements() -> None:
    clock = FakeClock()
    liveness = Liveness(clock, Patience())
    liveness.heard_voice(silence=True)
    for _ in range(20):
        clock.now += 0.08
        liveness.said(silence=False)
    assert liveness.silence == 0.0  # Nobody told that they can be seen.
    liveness.heard_ack()
    for _ in range(20):
        clock.now += 0.08
        liveness.said(silence=False)
    assert liveness.silence == pytest.approx(19 * 0.08)
    liveness.heard_ack()
    assert liveness.silence == 0.0


def test_a_ping_goes_along_with_voice_a_little_early() -> None:
    clock = FakeClock()
    liveness = settled(clock)
    for _ in range(94):
        clock.now += 0.1
        liveness.heard()
    assert liveness.due_ping() is None
    assert liveness.due_ping(along=True)


def test_an_answer_waits_for_voice_while_there_is_some() -> None:
    clock = FakeClock()
    liveness = Liveness(clock, Patience())
    assert liveness.due_answer(along=True) is None
    liveness.said(silence=False)
    liveness.asked(Ping(1, 10))
    assert liveness.due_answer() is None
    clock.now += 0.1
    asked = liveness.due_answer(along=True)
    assert asked is not None
    assert asked[0] == Ping(1, 10)
    assert asked[1] == pytest.approx(0.1)
    assert liveness.due_answer(along=True) is None


def test_an_answer_waits_for_no_voice_that_does_not_come() -> None:
    clock = FakeClock()
    liveness = Liveness(clock, Patience())
    liveness.asked(Ping(1, 10))
    assert liveness.due_answer() == (Ping(1, 10), 0.0)
    liveness.said(silence=False)
    clock.now += 0.3
    liveness.asked(Ping(2, 20))
    clock.now += 0.2
    assert liveness.due_answer() is not None


def test_the_time_an_answer_waited_is_no_part_of_the_round_trip() -> None:
    clock = FakeClock()
    liveness = Liveness(clock, Patience())
    ping = liveness.due_ping()
    assert ping is not None
    clock.now += 0.3
    assert liveness.measure(Pong(ping.id, ping.sent_ms, held_ms=250.0)) == pytest.approx(
        0.05, abs=0.003
    )
