"""What two real engines tell each other and the ear beside the voice: chat, names, cues."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from app.audio.cues import cue_pcm
from app.audio.instead import FilesInstead
from app.core.chat import Mark, NothingWritten
from app.core.control import ChatTooLong
from app.core.cues import Cue
from app.core.session import NoCall
from app.core.state import ChatChanged, Ended, PeerChanged
from app.net import state as net_state
from tests.engine.test_engine import TIMEOUT, Person, connect, hears, people  # noqa: F401


def shows(person: Person, *texts: str, mark: Mark | None = None) -> ChatChanged:
    """The event with which exactly these texts are shown, the last of them with this mark."""
    return person.wait_for(
        lambda e: (
            isinstance(e, ChatChanged)
            and tuple(line.text for line in e.lines) == texts
            and (not e.lines or e.lines[-1].mark is mark)
        )
    )


def test_messages_go_both_ways_and_are_marked(people):  # noqa: F811
    alice, bob = people("Alice"), people("Bob")
    with pytest.raises(NoCall):
        alice.engine.send_chat("too early").result(TIMEOUT)
    connect(alice, bob)
    bob.wait_for(lambda e: isinstance(e, PeerChanged) and e.peer.name == "Alice")
    alice.engine.send_chat("hello\nBob").result(TIMEOUT)
    assert shows(bob, "hello\nBob").lines[0].who == "Alice"
    shows(alice, "hello\nBob", mark=Mark.DELIVERED)
    bob.engine.send_chat("hi").result(TIMEOUT)
    shows(bob, "hello\nBob", "hi", mark=Mark.DELIVERED)
    with pytest.raises(ChatTooLong):
        alice.engine.send_chat("x" * 1001).result(TIMEOUT)
    with pytest.raises(NothingWritten):
        alice.engine.send_chat(" ").result(TIMEOUT)
    alice.engine.hang_up().result(TIMEOUT)
    alice.wait_for_state(Ended)
    with pytest.raises(NoCall):
        alice.engine.send_chat("too late").result(TIMEOUT)


def test_what_was_lost_while_the_line_was_dead_comes_when_it_is_back(people):  # noqa: F811
    alice, bob = people("Alice"), people("Bob")
    connect(alice, bob)
    bob.wait_for(lambda e: isinstance(e, PeerChanged) and e.peer.name == "Alice")
    (line,) = alice.engine._conference.lines
    deaf, line.peer.send_control = line.peer.send_control, lambda data: False
    alice.engine.send_chat("are you there?").result(TIMEOUT)
    shows(alice, "are you there?", mark=Mark.SENDING)
    line.peer.send_control = deaf

    def come_back() -> None:
        route = line.view.route
        line._state_came(net_state.Reconnecting(3.2))
        line._state_came(net_state.Connected(route))

    alice.engine._network.call_soon(come_back)
    away = alice.wait_for(lambda e: isinstance(e, PeerChanged) and not e.peer.reachable)
    assert away.peer.silent_for == pytest.approx(3.2)
    shows(bob, "are you there?")
    shows(alice, "are you there?", mark=Mark.DELIVERED)


def test_a_name_changed_in_a_call_reaches_the_other(people):  # noqa: F811
    alice, bob = people("Alice"), people("Bob")
    connect(alice, bob)
    bob.wait_for(lambda e: isinstance(e, PeerChanged) and e.peer.name == "Alice")
    alice.engine.set_name("Alicia")
    told = bob.wait_for(lambda e: isinstance(e, PeerChanged) and e.peer.name == "Alicia")
    assert told.peer.model_name
    alice.engine.send_chat("it is me").result(TIMEOUT)
    assert shows(bob, "it is me").lines[0].who == "Alicia"


def test_cues_are_heard_in_the_call_unless_they_are_off(people, tmp_path):  # noqa: F811
    files = [tmp_path / "alice.wav", tmp_path / "bob.wav"]
    alice, bob = (people(file.stem, FilesInstead(None, output_file=file)) for file in files)
    alice.engine.set_cues(False)
    connect(alice, bob)
    assert hears(bob, 10)  # So the sound is open.
    assert hears(alice, 10)
    alice.engine.send_chat("hello").result(TIMEOUT)
    shows(bob, "hello")
    bob.engine.send_chat("hi").result(TIMEOUT)
    shows(bob, "hello", "hi", mark=Mark.DELIVERED)
    assert hears(bob, 35)  # The longest of the two cues takes 11 chunks.
    alice.engine.hang_up().result(TIMEOUT)
    for person in (alice, bob):
        person.wait_for_state(Ended)
        person.engine.close().result(TIMEOUT)
    off, on = (soundfile.read(file)[0] for file in files)
    for cue in (
        Cue.JOINED,
        Cue.MESSAGE,
        Cue.LEFT,
    ):  # Under speech of random weights, which is a noise.
        pcm = cue_pcm(cue, 16_000)
        assert _likeness(on, pcm) > 0.2
        assert _likeness(off, pcm) < 0.15


def _likeness(heard: np.ndarray, cue: np.ndarray) -> float:
    """The best normalised correlation of `cue` with any stretch of `heard`."""
    size = len(heard) + len(cue)
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(cue, size)), size)
    power = np.convolve(heard**2, np.ones(len(cue)), "full")[len(cue) - 1 :]
    whole = product[: len(heard) - len(cue)]
    return float((whole / np.sqrt(power[: len(whole)] * (cue**2).sum() + 1e-12)).max())
