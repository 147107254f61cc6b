"""Cues for events. PeerJoined and PeerLeft are made by the engine; here they are just values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.chat import ChatLine
from app.core.cues import Cue, CueWatch
from app.core.state import (
    ChatChanged,
    Ended,
    Event,
    MuteChanged,
    Notice,
    PeerChanged,
    PeerJoined,
    PeerLeft,
    PeerView,
    StateChanged,
)

BEN = PeerView(1, "Ben", "m", False, False, True, "direct, IPv4")
AWAY = replace(BEN, reachable=False)
EVE = replace(BEN, id=2, name="Eve")


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 10.0
        return self.now


def _cues(*events: Event) -> list[Cue | None]:
    watch = CueWatch(Time())
    return [watch.see(event) for event in events]


@pytest.mark.parametrize(
    ("event", "cue"),
    [
        (PeerJoined(BEN), Cue.JOINED),
        (PeerLeft(BEN, "Ben hung up."), Cue.LEFT),
        (MuteChanged(True), Cue.MUTED),
        (MuteChanged(False), Cue.UNMUTED),
        (ChatChanged((ChatLine(1, "Ben", "hello", 0.0),)), Cue.MESSAGE),
        (ChatChanged((ChatLine(1, "Ada", "hello", 0.0, own=True, of=1, waiting=1),)), None),
        (ChatChanged(()), None),
        (PeerChanged(BEN), None),
        (Notice("info", "Something."), None),
    ],
)
def test_each_event_has_its_cue(event: Event, cue: Cue | None) -> None:
    assert _cues(event) == [cue]


def test_away_and_back_are_heard_once_a_peer() -> None:
    assert _cues(
        PeerChanged(AWAY),
        PeerChanged(replace(AWAY, muted=True)),
        PeerChanged(replace(EVE, reachable=False)),
        PeerChanged(BEN),
        PeerChanged(replace(BEN, muted=True)),
        PeerChanged(EVE),
    ) == [Cue.RECONNECTING, None, Cue.RECONNECTING, Cue.BACK, None, Cue.BACK]


def test_who_was_away_when_a_call_ended_does_not_come_back_in_the_next() -> None:
    over = StateChanged(Ended("Ben was lost.", True))
    assert _cues(PeerChanged(AWAY), over, PeerChanged(BEN)) == [Cue.RECONNECTING, None, None]


def test_a_mark_is_no_message_and_a_new_call_counts_anew() -> None:
    line = ChatLine(1, "Ben", "hello", 0.0)
    own = ChatLine(2, "Ada", "hello", 0.0, own=True, of=1, waiting=1)
    marked = replace(own, waiting=0, reached=1)
    assert _cues(
        ChatChanged((line,)),
        ChatChanged((line, own)),
        ChatChanged((line, marked)),
        ChatChanged(()),
        ChatChanged((line,)),
    ) == [Cue.MESSAGE, None, None, None, Cue.MESSAGE]


def test_a_flood_of_messages_is_one_sound() -> None:
    watch = CueWatch(lambda: 5.0)
    lines = [ChatLine(number, "Ben", "!", 0.0) for number in range(1, 9)]
    heard = [watch.see(ChatChanged(tuple(lines[:count]))) for count in range(1, 9)]
    assert heard == [Cue.MESSAGE] + [None] * 7
