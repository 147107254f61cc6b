from __future__ import annotations

import pytest

from app.core.session import AlreadyInCall, NoAnswerAwaited, NoCall, Session
from app.core.state import (
    Answering,
    Connecting,
    Ended,
    Idle,
    Inviting,
    PreparingAnswer,
    PreparingInvite,
    Talking,
)

INVITER = [PreparingInvite(), Inviting("link", 0.0), Connecting(), Talking(0.0)]
INVITED = [PreparingAnswer(), Answering("link", 0.0), Connecting(), Talking(0.0)]


@pytest.mark.parametrize("way", [INVITER, INVITED])
def test_a_call_goes_its_way_and_can_end_anywhere(way):
    for length in range(1, len(way) + 1):
        session = Session()
        for state in way[:length]:
            session.go(state)
            assert session.is_live
        session.go(Ended("You hung up.", False))
        assert not session.is_live
        session.go(Idle())


def test_an_answering_end_may_be_connected_before_it_knows_it_is_connecting():
    session = Session()
    for state in (PreparingAnswer(), Answering("link", 0.0), Talking(1.0)):
        session.go(state)


@pytest.mark.parametrize("state", INVITER + INVITED)
def test_there_is_one_call_at_a_time(state):
    session = Session()
    session.state = state
    for second in (PreparingInvite(), PreparingAnswer()):
        with pytest.raises(AlreadyInCall):
            session.go(second)
    assert session.state == state


def test_steps_out_of_turn_are_refused_in_words():
    session = Session()
    with pytest.raises(NoAnswerAwaited, match="answer"):
        session.go(Connecting())
    with pytest.raises(NoCall):
        session.go(Ended("", False))
    with pytest.raises(NoCall):
        session.go(Talking(0.0))
    assert session.state == Idle()
