from __future__ import annotations

from app.core.model_change import ModelChange
from app.core.models import ModelOffer


def test_it_is_due_when_this_end_and_all_others_have_it() -> None:
    change = ModelChange(ModelOffer(3, 9))
    assert not change.is_due([1, 2])
    assert not change.with_own().with_peer(1).is_due([1, 2])
    assert not change.with_peer(1).with_peer(2).is_due([1, 2])
    assert change.with_own().with_peer(1).with_peer(2).is_due([1, 2])


def test_who_left_is_not_waited_for() -> None:
    change = ModelChange(ModelOffer(3, 9)).with_own().with_peer(1)
    assert not change.is_due([1, 2])
    assert change.is_due([1])
