from __future__ import annotations

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


def test_a_peer_that_is_heard_is_pinged_seldom() -> None:
    clock = FakeClock()
    assert len(pings(Liveness(clock, Patience()), clock, 20, talking=True)) in (4, 5)


def test_silence_counts_from_the_last_message() -> None:
    clock = FakeClock()
    liveness = Liveness(clock, Patience())
    clock.now += 4
    assert liveness.silence == pytest.approx(4)
    liveness.heard()
    assert liveness.silence == 0


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
