from __future__ import annotations

import pytest

from app.core.passes import EARLY_SECONDS, Next, joining

LEAD = 0.03


def test_who_is_nearly_due_joins_who_is() -> None:
    others = [Next(LEAD + 0.01, 1), Next(LEAD + EARLY_SECONDS + 0.001, 1), Next(LEAD + 0.035, 1)]
    assert joining([Next(LEAD, 1)], others, LEAD) == [0, 2]


def test_nobody_is_early_for_nobody() -> None:
    assert joining([], [Next(LEAD + 0.001, 1)], LEAD) == []


def test_what_is_not_here_is_not_waited_for() -> None:
    assert joining([Next(LEAD, 1)], [Next(0.0, None), Next(LEAD, 1)], LEAD) == [1]


@pytest.mark.parametrize(("model_id", "joins"), [(1, True), (5, True), (2, False)])
def test_only_chunks_of_a_model_that_is_at_work_join(model_id: int, joins: bool) -> None:
    assert bool(joining([Next(LEAD, 1), Next(LEAD, 5)], [Next(LEAD, model_id)], LEAD)) == joins


def test_with_more_lead_one_joins_from_further_ahead() -> None:
    assert joining([Next(LEAD, 1)], [Next(0.15, 1)], LEAD) == []
    assert joining([Next(0.12, 1)], [Next(0.15, 1)], 0.12) == [0]


def test_one_who_is_late_takes_nobody_along() -> None:
    late = [Next(0.4 * LEAD, 1), Next(0.9 * LEAD, 1)]
    assert joining(late, [Next(LEAD, 1)], LEAD) == []
    assert joining(late[1:], [Next(LEAD, 1)], LEAD) == [0]
