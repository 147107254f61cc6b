"""Peers that do not answer: for how long, in words, and without anything waiting for them."""

from __future__ import annotations

from dataclasses import replace

from app.core.state import PeerChanged
from app.gui.away import AwayTimes, peer_in_words
from benchmarks.staged_engine import PEER
from tests.gui.conftest import Stage, until

AWAY = replace(PEER, reachable=False, silent_for=3.0)


def test_the_seconds_go_on_from_what_the_engine_told() -> None:
    now = [100.0]
    times = AwayTimes(lambda: now[0])
    assert not times.see(PEER)
    assert times.seconds(PEER) is None
    assert times.see(AWAY)
    now[0] += 2.0
    assert not times.see(replace(AWAY, muted=True, silent_for=0.0))
    assert times.seconds(AWAY) == 5.0
    assert times.see(PEER)
    assert times.seconds(PEER) is None


def test_peers_are_counted_apart() -> None:
    times = AwayTimes(lambda: 0.0)
    times.see(AWAY)
    assert times.seconds(replace(AWAY, id=7)) is None
    times.clear()
    assert times.seconds(AWAY) is None


def test_words() -> None:
    assert peer_in_words(PEER, None) == "Connected, direct, IPv4"
    muted = replace(AWAY, muted=True)
    said = "Reconnecting … 5 s · their microphone is off"
    assert peer_in_words(muted, 5.2) == said


def test_the_call_page_counts_while_a_peer_is_away_and_can_be_used(stage: Stage) -> None:
    call = stage.window.call

    async def story() -> None:
        stage.engine.talk()
        await until(lambda: call.peer_name.text() == "Ben")
        stage.engine.tell(PeerChanged(AWAY))
        await until(lambda: call.status.text() == "Reconnecting … 3 s")
        stage.now += 4.0
        await until(lambda: call.status.text() == "Reconnecting … 7 s")
        call.mute.click()
        await until(lambda: call.mute.isChecked())
        stage.engine.tell(PeerChanged(PEER))
        await until(lambda: call.status.text() == "Connected, direct, IPv4")

    stage.play(story())
