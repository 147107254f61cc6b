from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.description import (
    Candidate,
    CandidateKind,
    Description,
    DescriptionInvalid,
    Setup,
)
from app.net.sdp import from_sdp, to_sdp

ICE = st.text("abcXYZ019+/", min_size=22, max_size=40)
CANDIDATES = st.builds(
    Candidate,
    st.sampled_from(CandidateKind),
    st.ip_addresses().map(str),
    st.integers(1, 65535),
)
DESCRIPTIONS = st.builds(
    Description,
    ICE,
    ICE,
    st.binary(min_size=32, max_size=32),
    st.sampled_from(Setup),
    st.lists(CANDIDATES, max_size=6).map(tuple),
)


@given(DESCRIPTIONS)
def test_every_description_comes_back_as_it_was(description: Description) -> None:
    assert from_sdp(to_sdp(description)) == description


@given(DESCRIPTIONS)
def test_candidates_keep_their_order_by_priority(description: Description) -> None:
    lines = [line for line in to_sdp(description).splitlines() if "candidate:" in line]
    kinds = [candidate.kind for candidate in description.candidates]
    priorities = [int(line.split()[3]) for line in lines]
    for kind in CandidateKind:
        own = [priority for priority, k in zip(priorities, kinds, strict=True) if k is kind]
        assert own == sorted(own, reverse=True)


@given(st.text(max_size=300))
def test_any_text_is_a_description_or_a_named_error(text: str) -> None:
    with pytest.raises(DescriptionInvalid):
        from_sdp(text)


def test_candidates_of_other_kinds_are_passed_over() -> None:
    base = Description("u" * 4, "p" * 22, bytes(32), Setup.ACTIVE, ())
    odd = [
        "a=candidate:1 1 tcp 5 192.0.2.1 9 typ host tcptype active",
        "a=candidate:1 1 udp 5 some-name.local 9 typ host",
        "a=candidate:1 1 udp 5 192.0.2.1 x typ host",
        "a=candidate:1",
    ]
    assert from_sdp(to_sdp(base) + "\r\n".join(odd)) == base
