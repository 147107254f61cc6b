from __future__ import annotations

from itertools import pairwise

import pytest

from tests.network.path import Path, Traffic


def fates(path: Path, count: int = 20_000, gap: float = 0.01, size: int = 100) -> list[list[float]]:
    """Of so many packets, each `gap` seconds after the one before: how long each was under way."""
    traffic = Traffic(1)
    traffic.path = path
    return [
        [at - index * gap for at in traffic.arrivals(index * gap, size)] for index in range(count)
    ]


def test_a_perfect_line_delivers_at_once() -> None:
    assert fates(Path(), 100) == [[0.0]] * 100


@pytest.mark.parametrize("burst", [1, 3])
def test_loss_is_what_was_asked_for(burst: int) -> None:
    arrived = [bool(each) for each in fates(Path(loss=0.2, burst=burst))]
    assert arrived.count(False) / len(arrived) == pytest.approx(0.2, abs=0.01)
    runs = "".join("x" if came else "." for came in arrived).split("x")
    lengths = {len(run) for run in runs if run}
    assert lengths == {burst} or burst == 1


def test_jitter_lets_packets_overtake_and_some_come_twice() -> None:
    came = fates(Path(delay=0.03, jitter=0.2, duplicate=0.1))
    once = [delay for each in came for delay in each]
    assert min(once) >= 0.03 - 1e-9
    assert max(once) <= 0.23 + 1e-9
    assert any(a[0] > b[0] + 0.01 for a, b in pairwise(came))
    assert sum(len(each) == 2 for each in came) / len(came) == pytest.approx(0.1, abs=0.01)


def test_a_bottleneck_holds_packets_back_and_then_drops_them() -> None:
    came = fates(Path(kbits=8.0, queue=1.0), 3000, gap=0.05)  # 16 kbit/s into 8
    assert max(each[0] for each in came if each) == pytest.approx(1.1, abs=0.05)
    assert sum(bool(each) for each in came) == pytest.approx(1500, abs=30)


def test_what_is_down_passes_nothing() -> None:
    assert not any(fates(Path(down=True), 100))
