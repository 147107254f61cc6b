from __future__ import annotations

from concurrent.futures import CancelledError, Future

import numpy as np
import pytest
import soundfile

from app import demo
from app.core.session import NoCall
from app.core.state import Ended, InputEnded, Notice, StateChanged
from app.demo import Demo, DemoFailed
from tests.models import small_codec
from tests.still_peer import StillPeer, done


@pytest.fixture
def staged(monkeypatch, tmp_path):
    """A demo between two such peers, and what Alice's window would be told."""
    monkeypatch.setattr(demo, "Engine", StillPeer)
    monkeypatch.setattr(demo, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(demo, "_STATUS_SECONDS", 0.02)
    monkeypatch.setattr(demo, "_DRAIN_SECONDS", 0.0)
    soundfile.write(tmp_path / "clip.wav", np.zeros(160), 16_000)
    told: list = []
    staged = Demo(small_codec(), tmp_path / "clip.wav", tmp_path / "heard.wav", told.append)
    staged.told = told
    yield staged
    staged.close()


def test_two_who_never_connect_are_given_up(staged):
    with pytest.raises(DemoFailed, match="Nothing moved"):
        staged.run()
    assert staged.alice.asked == ["hang up"]


def test_an_invite_that_never_comes_is_given_up(staged):
    staged.alice.link = Future()
    with pytest.raises(DemoFailed, match="Nothing moved"):
        staged.run()


@pytest.mark.parametrize("whose", ["alice", "bob"])
def test_a_sound_that_dies_ends_the_demo_with_its_words(staged, whose):
    getattr(staged, whose).listen(Notice("error", "Your voice is no longer sent: why."))
    with pytest.raises(DemoFailed, match="no longer sent"):
        staged.run()
    assert staged.alice.asked == ["hang up"]
    assert staged.told == []  # It is told once, by who catches it.


def test_a_call_that_fails_is_a_demo_that_fails(staged):
    staged.alice.hung_up = done(error=NoCall())
    staged.alice.listen(StateChanged(Ended("No way was found.", failed=True)))
    with pytest.raises(DemoFailed, match="No way was found"):
        staged.run()


def test_who_heard_nothing_is_told(staged):
    staged.alice.listen(InputEnded())
    with pytest.raises(DemoFailed, match="Bob heard nothing"):
        staged.run()


def test_a_person_may_hang_up_before_the_end(staged):
    staged.alice.accepted = done(error=CancelledError())
    staged.alice.hung_up = done(error=NoCall())
    staged.alice.listen(StateChanged(Ended("You hung up.", failed=False)))
    staged.run()
