"""Two real engines in one process, over real WebRTC through loopback."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import soundfile

from app.audio.backend import DeviceLost, NoMicrophone
from app.audio.instead import FilesInstead
from app.audio.silence import NoInput
from app.core.control import Mute
from app.core.errors import UndertoneError
from app.core.session import AlreadyInCall, NoAnswerAwaited, NoCall
from app.core.settings import Settings
from app.core.state import (
    Answering,
    Connecting,
    Ended,
    Idle,
    InputEnded,
    Inviting,
    MuteChanged,
    Notice,
    PeerChanged,
    PreparingInvite,
    StateChanged,
    Talking,
)
from app.engine import Engine
from app.engine.call import Call
from app.net.errors import ServerMisspelt
from app.net.transport import Transport
from app.rendezvous.errors import LinkError, WrongLinkKind
from tests.models import small_codec

TIMEOUT = 30.0


class Person:
    """An engine and all that happened to it."""

    def __init__(
        self,
        name: str,
        backend: Any = None,
        codec: Any = None,
        store: Any = None,
        model: str = "bundled",
    ) -> None:
        self.events: queue.Queue[Any] = queue.Queue()
        self.seen: list[Any] = []
        self.engine = Engine(
            codec or small_codec(),
            backend or FilesInstead(None),
            # Random weights and no microphone: what is not speech must be sent as well.
            Settings(name=name, model=model, continuous=True),
            self.events.put,
            store=store,
            loopback=True,
        )

    def wait_for(self, wanted: Any) -> Any:
        """The first event, past or to come, for which `wanted` is true."""
        for event in self.seen:
            if wanted(event):
                return event
        deadline = time.monotonic() + TIMEOUT
        while True:
            event = self.events.get(timeout=max(0.01, deadline - time.monotonic()))
            self.seen.append(event)
            if wanted(event):
                return event

    def wait_for_state(self, kind: type) -> Any:
        return self.wait_for(lambda e: isinstance(e, StateChanged) and isinstance(e.state, kind))

    def notice(self, words: str) -> Notice:
        return self.wait_for(lambda e: isinstance(e, Notice) and words in e.text)


@pytest.fixture
def people():
    made: list[Person] = []

    def make(*args: Any, **kwargs: Any) -> Person:
        made.append(Person(*args, **kwargs))
        return made[-1]

    yield make
    for closing in [person.engine.close() for person in made]:
        closing.result(TIMEOUT)


def connect(alice: Person, bob: Person) -> None:
    invite = alice.engine.create_call().result(TIMEOUT)
    answer = bob.engine.join(invite.link).result(TIMEOUT)
    alice.engine.accept_answer(answer.link).result(TIMEOUT)
    alice.wait_for_state(Talking)
    bob.wait_for_state(Talking)


def hears(person: Person, chunks: int) -> bool:
    """Whether so many chunks were played within the time limit."""
    until = time.monotonic() + TIMEOUT
    while time.monotonic() < until:
        reading = person.engine.reading()
        if reading is not None and reading.chunks_played >= chunks:
            return True
        time.sleep(0.05)
    return False


def test_a_call_from_invite_to_hang_up(people, tmp_path):
    clip = tmp_path / "clip.wav"
    soundfile.write(clip, 0.3 * np.sin(np.arange(16_000) * 0.2).astype(np.float32), 16_000)
    alice = people("Alice", FilesInstead(None, input_file=clip))
    bob = people("Bob", FilesInstead(None, output_file=tmp_path / "heard.wav"))
    connect(alice, bob)
    peer = bob.wait_for(lambda e: isinstance(e, PeerChanged) and e.peer.name).peer
    assert peer.name == "Alice"
    assert peer.reachable
    alice.wait_for(lambda e: isinstance(e, InputEnded))
    assert hears(bob, 12)
    reading = bob.engine.reading()
    assert reading.bandwidth.codes_down_total >= 12 * 8
    assert reading.bandwidth.payload_down_total > reading.bandwidth.codes_down_total
    assert reading.bandwidth.wire_down_total > reading.bandwidth.payload_down_total
    alice.engine.hang_up().result(TIMEOUT)
    assert alice.wait_for_state(Ended).state == Ended("You hung up.", False)
    assert bob.wait_for_state(Ended).state == Ended("The other side hung up.", False)
    bob.engine.close().result(TIMEOUT)
    heard, rate = soundfile.read(tmp_path / "heard.wav")
    assert rate == 16_000
    assert len(heard) >= 12 * 1280
    states = [type(e.state) for e in alice.seen if isinstance(e, StateChanged)]
    assert states[1:4] == [Inviting, Connecting, Talking]


def test_both_can_call_again_after_a_call(people):
    alice, bob = people("Alice"), people("Bob")
    connect(alice, bob)
    bob.engine.hang_up().result(TIMEOUT)
    alice.wait_for_state(Ended)
    alice.engine.reset()
    assert alice.engine.state == Idle()
    alice.seen.clear()
    bob.seen.clear()
    connect(bob, alice)


def test_mute_is_told_and_keeps_the_voice_back(people):
    alice, bob = people("Alice"), people("Bob")
    alice.engine.set_muted(True)
    assert alice.wait_for(lambda e: isinstance(e, MuteChanged)).muted
    connect(alice, bob)
    bob.wait_for(lambda e: isinstance(e, PeerChanged) and e.peer.muted)
    time.sleep(0.5)
    assert alice.engine.reading().bandwidth.codes_up_total == 0
    alice.engine.set_muted(False)
    bob.seen.clear()
    bob.wait_for(lambda e: isinstance(e, PeerChanged) and not e.peer.muted)


def test_a_bad_link_changes_nothing(people):
    alice, bob = people("Alice"), people("Bob")
    with pytest.raises(LinkError):
        bob.engine.join("not a link").result(TIMEOUT)
    assert bob.engine.state == Idle()
    invite = alice.engine.create_call().result(TIMEOUT)
    for bad in ("", invite.link[:-9], invite.link, "undertone://call/AAAA"):
        with pytest.raises(LinkError):
            alice.engine.accept_answer(bad).result(TIMEOUT)
        assert isinstance(alice.engine.state, Inviting)
    answer = bob.engine.join(invite.link).result(TIMEOUT)
    with pytest.raises(WrongLinkKind):
        people("Eve").engine.join(answer.link).result(TIMEOUT)
    alice.engine.accept_answer(answer.link).result(TIMEOUT)
    alice.wait_for_state(Talking)


def test_what_makes_no_sense_now_is_refused_in_words(people):
    alice = people("Alice")
    with pytest.raises(NoCall):
        alice.engine.hang_up().result(TIMEOUT)
    with pytest.raises(NoAnswerAwaited):
        alice.engine.accept_answer("x").result(TIMEOUT)
    alice.engine.create_call().result(TIMEOUT)
    with pytest.raises(AlreadyInCall):
        alice.engine.create_call().result(TIMEOUT)
    alice.engine.hang_up().result(TIMEOUT)
    assert isinstance(alice.engine.state, Ended)


def test_an_invite_can_be_taken_back_while_the_other_waits(people):
    alice, bob = people("Alice"), people("Bob")
    invite = alice.engine.create_call().result(TIMEOUT)
    assert isinstance(bob.engine.join(invite.link).result(TIMEOUT), Answering)
    bob.engine.hang_up().result(TIMEOUT)
    assert bob.wait_for_state(Ended).state.failed is False


def test_two_models_that_differ_end_the_call_with_the_reason(people):
    other = small_codec()
    other.spec = replace(other.spec, model_id=77)
    alice, bob = people("Alice"), people("Bob", codec=other)
    connect(alice, bob)
    for person in (alice, bob):
        ended = person.wait_for_state(Ended).state
        assert ended.failed
        assert "model" in ended.reason


def test_two_versions_of_a_model_end_the_call_with_the_reason(people):
    one, other = small_codec(), small_codec(seed=1)
    one.spec, other.spec = replace(one.spec, digest=1), replace(other.spec, digest=2)
    alice, bob = people("Alice", codec=one), people("Bob", codec=other)
    connect(alice, bob)
    for person in (alice, bob):
        assert "versions of the model" in person.wait_for_state(Ended).state.reason


class SlowDescribing:
    """Makes the next gathering of addresses wait until told."""

    def __init__(self, monkeypatch) -> None:
        self.go_on = threading.Event()
        describe = Transport._describe

        async def slowly(transport, described):
            while not self.go_on.is_set():
                await asyncio.sleep(0.01)
            return await describe(transport, described)

        monkeypatch.setattr(Transport, "_describe", slowly)


def test_an_invite_given_up_while_it_is_made_leaves_the_next_call_alone(people, monkeypatch):
    alice, bob = people("Alice"), people("Bob")
    slow = SlowDescribing(monkeypatch)
    first = alice.engine.create_call()
    alice.wait_for_state(PreparingInvite)
    alice.engine.hang_up().result(TIMEOUT)
    second = alice.engine.create_call()
    slow.go_on.set()
    with pytest.raises(CancelledError):
        first.result(TIMEOUT)
    invite = second.result(TIMEOUT)
    assert alice.engine.state == invite
    answer = bob.engine.join(invite.link).result(TIMEOUT)
    alice.engine.accept_answer(answer.link).result(TIMEOUT)
    bob.wait_for_state(Talking)


def test_the_call_counts_from_when_it_was_connected(people):
    alice, bob = people("Alice"), people("Bob")
    invite = alice.engine.create_call().result(TIMEOUT)
    time.sleep(1.5)
    answer = bob.engine.join(invite.link).result(TIMEOUT)
    before = time.monotonic()
    alice.engine.accept_answer(answer.link).result(TIMEOUT)
    assert hears(alice, 1)
    reading = alice.engine.reading()
    assert reading.bandwidth.seconds < time.monotonic() - before


def test_an_unforeseen_error_when_connected_ends_the_call_in_words(people):
    broken = small_codec()
    broken.spec = replace(broken.spec, name=5)
    alice, bob = people("Alice", codec=broken), people("Bob")
    invite = alice.engine.create_call().result(TIMEOUT)
    answer = bob.engine.join(invite.link).result(TIMEOUT)
    alice.engine.accept_answer(answer.link).result(TIMEOUT)
    ended = alice.wait_for_state(Ended).state
    assert ended.failed
    assert "failed inside Undertone" in ended.reason
    bob.wait_for_state(Ended)


def test_the_other_going_quiet_is_no_loss(people):
    alice, bob = people("Alice"), people("Bob")
    connect(alice, bob)
    assert hears(bob, 5)
    alice.engine.set_muted(True)
    bob.wait_for(lambda e: isinstance(e, PeerChanged) and e.peer.muted)
    time.sleep(1.0)
    before = bob.engine.reading()
    time.sleep(2.5)
    after = bob.engine.reading()
    assert after.bandwidth.loss <= before.bandwidth.loss
    assert after.chunks_concealed == before.chunks_concealed


def test_after_close_every_command_fails_in_words(people):
    alice = people("Alice")
    alice.engine.close().result(TIMEOUT)
    for command in (alice.engine.create_call, alice.engine.hang_up, alice.engine.devices):
        with pytest.raises(UndertoneError):
            command().result(TIMEOUT)


class Unplugged(FilesInstead):
    """A machine whose microphone vanishes after a moment, and that has no other."""

    def __init__(self) -> None:
        super().__init__(None)
        self._first = True

    def open_input(self, name):
        if not self._first:
            raise NoMicrophone
        self._first = False
        return VanishingInput()


class VanishingInput(NoInput):
    def __init__(self) -> None:
        super().__init__()
        self._left = 3

    def read(self, samples, timeout):
        self._left -= 1
        if self._left < 0:
            raise DeviceLost("USB mic", "microphone")
        return super().read(samples, timeout)


def test_a_microphone_unplugged_is_told_and_the_call_goes_on(people):
    alice, bob = people("Alice", Unplugged()), people("Bob")
    connect(alice, bob)
    assert "USB mic" in alice.notice("USB mic").text
    assert "not be heard" in alice.notice("not be heard").text
    assert isinstance(alice.engine.state, Talking)
    assert isinstance(bob.engine.state, Talking)


def test_random_bytes_on_both_channels_harm_nothing(people):
    alice, bob = people("Alice"), people("Bob")
    connect(alice, bob)
    assert hears(bob, 1)
    random = np.random.default_rng(0)

    (line,) = alice.engine._conference.lines

    async def flood() -> None:
        for _ in range(200):
            junk = random.bytes(int(random.integers(1, 60)))
            # A control message that is by chance a goodbye would rightly end the call.
            line.peer.send_voice(junk)
            if junk[0] & 0x1F != 5:
                line.peer.send_control(junk)

    alice.engine._network.submit(flood()).result(TIMEOUT)
    bob.notice("packet")
    assert hears(bob, bob.engine.reading().chunks_played + 3)
    assert isinstance(bob.engine.state, Talking)


def test_a_call_that_cannot_even_be_prepared_ends_with_the_reason(people):
    alice = people("Alice")
    alice.engine._settings = replace(alice.engine.settings, stun="no server at all")
    with pytest.raises(ServerMisspelt):
        alice.engine.create_call().result(TIMEOUT)
    ended = alice.wait_for_state(Ended).state
    assert ended.failed
    assert "no server at all" in ended.reason


def test_a_flood_of_messages_is_passed_over_but_for_what_a_person_could_write(people):
    alice, bob = people("Alice"), people("Bob")
    connect(alice, bob)
    assert hears(bob, 1)
    (line,) = alice.engine._conference.lines

    async def flood() -> None:
        for number in range(1000):
            line.tell(Mute(number % 2 == 0))
            line.tell(Mute(number % 2 == 0))

    alice.engine._network.submit(flood()).result(TIMEOUT)
    bob.notice("Alice sends more messages than anybody could write")
    assert hears(bob, bob.engine.reading().chunks_played + 3)
    assert isinstance(bob.engine.state, Talking)
    while not bob.events.empty():
        bob.seen.append(bob.events.get())
    told = [event for event in bob.seen if isinstance(event, PeerChanged)]
    assert len(told) < 400
    notices = [event.text for event in bob.seen if isinstance(event, Notice)]
    assert sum("more messages" in words for words in notices) == 1


def test_a_peer_that_cannot_be_let_into_the_sound_is_told_of(people, monkeypatch):
    alice, bob = people("Alice"), people("Bob")

    def broken(call, **what):
        raise MemoryError("no room for one more")

    with monkeypatch.context() as only_now:
        only_now.setattr(Call, "add", broken)
        connect(alice, bob)
        assert "no room for one more" in alice.notice("do not hear each other").text
    assert isinstance(alice.engine.state, Talking)


def test_close_is_quick_to_return_and_may_be_called_in_a_call(people):
    alice, bob = people("Alice"), people("Bob")
    connect(alice, bob)
    closing = alice.engine.close()
    assert isinstance(closing, Future)
    closing.result(TIMEOUT)
    assert "closed Undertone" in bob.wait_for_state(Ended).state.reason
