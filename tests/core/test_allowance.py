"""What a stranger may cause."""

from __future__ import annotations

from app.core.allowance import Allowance


def test_a_number_at_once_and_a_rate_from_then_on() -> None:
    now = 0.0
    allowance = Allowance(lambda: now, at_once=3, per_second=0.5)
    assert [allowance.take() for _ in range(5)] == [True, True, True, False, False]
    now = 1.9
    assert not allowance.take()
    now = 2.1
    assert allowance.take()
    assert not allowance.take()
    now = 1000.0
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]
