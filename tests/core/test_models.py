from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.models import ModelOffer, agree

BUNDLED, NEWER = ModelOffer(1, 0xA), ModelOffer(1, 0xB)
TWO_K, FOUR_K, UNKNOWN_TWO_K = ModelOffer(2, 0xC), ModelOffer(3, 0xD), ModelOffer(2)

LISTS = st.lists(
    st.builds(ModelOffer, st.integers(1, 4), st.integers(0, 3)), max_size=6, unique=True
)


@pytest.mark.parametrize(
    ("caller", "callee", "agreed"),
    [
        ([BUNDLED], [BUNDLED], (0, 0)),
        ([FOUR_K, TWO_K, BUNDLED], [BUNDLED, TWO_K], (1, 1)),
        ([BUNDLED, TWO_K], [TWO_K, BUNDLED], (0, 1)),
        ([NEWER, TWO_K], [BUNDLED, TWO_K], (1, 1)),
        ([TWO_K], [UNKNOWN_TWO_K], (0, 0)),
        ([NEWER], [BUNDLED], None),
        ([TWO_K], [FOUR_K], None),
        ([], [BUNDLED], None),
    ],
)
def test_the_first_of_the_callers_models_that_the_callee_has(caller, callee, agreed) -> None:
    assert agree(caller, callee) == agreed


@given(LISTS, LISTS)
def test_what_is_agreed_on_is_one_model_and_nothing_is_agreed_only_without_one(caller, callee):
    agreed = agree(caller, callee)
    common = [offer for offer in caller if any(offer.fits(other) for other in callee)]
    if agreed is None:
        assert not common
    else:
        assert caller[agreed[0]] == common[0]
        assert caller[agreed[0]].fits(callee[agreed[1]])


@given(LISTS, LISTS)
def test_it_does_not_matter_to_whether_there_is_a_model_who_calls(caller, callee) -> None:
    assert (agree(caller, callee) is None) == (agree(callee, caller) is None)
