"""Three and four real engines in one process, in one call, over real WebRTC through loopback."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from app.core.control import ByeReason
from app.core.introductions import Present
from app.core.session import CallFull, CallNotReady, InviteOpen, NoAnswerAwaited, NoInviteOpen
from app.core.state import Ended, Notice, PeerChanged, PeerJoined, PeerLeft, StateChanged, Talking
from app.engine import introducing
from app.rendezvous.errors import LinkError
from tests.engine.test_engine import TIMEOUT, Person, connect, people  # noqa: F401
from tests.models import small_codec


def bring(host: Person, guest: Person) -> None:
    """Have `host`, who is in a call, bring in `guest`."""
    invite = host.engine.invite_another().result(TIMEOUT)
    answer = guest.engine.join(invite.link).result(TIMEOUT)
    host.engine.accept_answer(answer.link).result(TIMEOUT)
    guest.wait_for_state(Talking)


def wait_until(true, what: str) -> None:
    until = time.monotonic() + TIMEOUT
    while not true():
        assert time.monotonic() < until, what
        time.sleep(0.05)


def hears_all(person: Person, others: int, chunks: int = 5) -> None:
    """Wait until so many chunks were played of each of so many others."""

    def all_heard() -> bool:
        reading = person.engine.reading()
        heard = [peer.chunks_played >= chunks for peer in reading.peers] if reading else []
        return len(heard) == others and all(heard)

    wait_until(all_heard, f"{person.engine.settings.name} does not hear {others} others")


def see_all(person: Person) -> None:
    """Move what has happened by now to what was seen."""
    while not person.events.empty():
        person.seen.append(person.events.get())


def names(person: Person) -> set[str]:
    """Those who are in the call, as this person is told."""
    see_all(person)
    there: dict[int, str] = {}
    for event in person.seen:
        match event:
            case PeerJoined(peer=peer) | PeerChanged(peer=peer):
                there[peer.id] = peer.name
            case PeerLeft(peer=peer):
                del there[peer.id]
    return set(there.values())


@pytest.fixture
def three(people):  # noqa: F811
    alice, bob, cleo = people("Alice"), people("Bob"), people("Cleo")
    connect(alice, bob)
    hears_all(alice, 1)
    bring(alice, cleo)
    for person in (alice, bob, cleo):
        hears_all(person, 2)
    return alice, bob, cleo


def test_a_newcomer_is_introduced_to_everybody(three) -> None:
    alice, bob, cleo = three
    assert names(alice) == {"Bob", "Cleo"}
    assert names(bob) == {"Alice", "Cleo"}
    assert names(cleo) == {"Alice", "Bob"}
    for person in three:
        assert not [e for e in person.seen if isinstance(e, Notice)]
        reading = person.engine.reading()
        assert reading.chunks_played >= 10
        total, peers = reading.bandwidth, reading.peers
        assert total.codes_down_total >= sum(peer.bandwidth.codes_down_total for peer in peers) - 24


def test_one_who_leaves_leaves_the_others_talking(three) -> None:
    alice, bob, cleo = three
    alice.engine.hang_up().result(TIMEOUT)  # The one who introduced the other two.
    for person in (bob, cleo):
        left = person.wait_for(lambda e: isinstance(e, PeerLeft))
        assert left.peer.name == "Alice"
        assert left.reason == "The other side hung up."
        assert isinstance(person.engine.state, Talking)
    before = bob.engine.reading()
    hears_all(bob, 1, before.peers[0].chunks_played + 5)
    assert bob.engine.reading().chunks_played > before.chunks_played
    cleo.engine.hang_up().result(TIMEOUT)
    assert bob.wait_for_state(Ended).state == Ended("The other side hung up.", False)


def test_a_fourth_is_brought_by_one_who_was_introduced(three, people) -> None:  # noqa: F811
    dora = people("Dora")
    bring(three[2], dora)
    for person in (*three, dora):
        hears_all(person, 3)
    assert names(dora) == {"Alice", "Bob", "Cleo"}


def test_each_peer_has_a_volume_of_its_own(three) -> None:
    alice, _, _ = three
    cleo = alice.wait_for(lambda e: isinstance(e, PeerChanged) and e.peer.name == "Cleo").peer.id
    alice.engine.set_volume(cleo, 0.5)
    alice.engine.set_silenced(cleo, True)
    seen = alice.wait_for(lambda e: isinstance(e, PeerChanged) and e.peer.silenced)
    assert (seen.peer.id, seen.peer.volume) == (cleo, 0.5)
    lines = {line.view.name: line for line in alice.engine._conference.lines}
    assert lines["Cleo"].part.hearing.track.silenced
    assert not lines["Bob"].part.hearing.track.silenced


def test_one_who_was_lost_and_found_again_is_played_as_before(three) -> None:
    alice = three[0]
    call = alice.engine._conference
    line = next(each for each in call.lines if each.view.name == "Bob")
    alice.engine.set_silenced(line.id, True)
    alice.engine.set_volume(line.id, 0.25)

    async def lose() -> None:
        call.over(line, "The line was lost.", failed=True, bye=ByeReason.LOST)

    alice.engine._network.submit(lose()).result(TIMEOUT)
    found = alice.wait_for(
        lambda e: isinstance(e, PeerChanged) and e.peer.id != line.id and e.peer.silenced
    )
    assert found.peer.volume == 0.25
    assert names(alice) == {"Bob", "Cleo"}
    track = next(each for each in call.lines if each.id == found.peer.id)
    wait_until(lambda: track.part is not None and track.part.hearing.track.silenced, "Bob is heard")


def test_an_invite_for_one_more_is_a_state_and_can_be_taken_back(people) -> None:  # noqa: F811
    alice, bob = people("Alice"), people("Bob")
    connect(alice, bob)
    hears_all(alice, 1)
    invite = alice.engine.invite_another().result(TIMEOUT)
    assert alice.engine.state.inviting == invite
    with pytest.raises(InviteOpen):
        alice.engine.invite_another().result(TIMEOUT)
    with pytest.raises(LinkError):
        alice.engine.accept_answer("nonsense").result(TIMEOUT)
    assert alice.engine.state.inviting == invite
    alice.engine.take_back().result(TIMEOUT)
    assert alice.engine.state.inviting is None
    with pytest.raises(NoInviteOpen):
        alice.engine.take_back().result(TIMEOUT)
    with pytest.raises(NoAnswerAwaited):
        alice.engine.accept_answer("nonsense").result(TIMEOUT)
    assert isinstance(bob.engine.state, Talking)


def test_nobody_is_invited_before_the_model_is_agreed(people) -> None:  # noqa: F811
    alice = people("Alice")
    alice.engine.create_call().result(TIMEOUT)
    with pytest.raises((CallNotReady, InviteOpen)):
        alice.engine.invite_another().result(TIMEOUT)


def test_a_newcomer_without_the_calls_model_is_told_and_the_call_goes_on(
    people,  # noqa: F811
) -> None:
    other = small_codec()
    other.spec = replace(other.spec, model_id=77)
    alice, bob, eve = people("Alice"), people("Bob"), people("Eve", codec=other)
    connect(alice, bob)
    hears_all(alice, 1)
    bring(alice, eve)
    ended = eve.wait_for_state(Ended).state
    assert ended.failed
    assert "model" in ended.reason
    left = alice.wait_for(lambda e: isinstance(e, PeerLeft))
    assert "model" in left.reason
    assert isinstance(alice.engine.state, Talking)


def test_two_who_cannot_be_connected_are_told_and_stay_in_the_call(
    people,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(introducing, "PATIENCE", 2.0)
    monkeypatch.setattr(introducing.Introducing, "_carry", lambda *swallowed: None)
    alice, bob, cleo = people("Alice"), people("Bob"), people("Cleo")
    connect(alice, bob)
    hears_all(alice, 1)
    bring(alice, cleo)
    words = alice.notice("do not hear each other").text
    assert "Bob" in words
    assert "Cleo" in words
    offered = [p for p in (bob, cleo) if "you do not hear each other" in str(see_all(p) or p.seen)]
    assert len(offered) == 1  # The other never heard that anything was tried.
    for person in (alice, bob, cleo):
        assert isinstance(person.engine.state, Talking)


def test_nobody_is_carried_for_in_anothers_name(three) -> None:
    alice, bob, cleo = three

    async def forge() -> None:
        (line,) = [each for each in cleo.engine._conference.lines if each.view.name == "Alice"]
        line.tell(Present(1234))  # It cannot become someone else.
        line.tell(introducing.Relay(1, 1234, introducing.Step.OFFER, b"junk"))

    cleo.engine._network.submit(forge()).result(TIMEOUT)
    hears_all(bob, 2, bob.engine.reading().peers[0].chunks_played + 5)
    assert names(alice) == {"Bob", "Cleo"}


def test_a_full_call_takes_nobody_more(people, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setattr("app.engine.conference.MOST_OTHERS", 1)
    alice, bob = people("Alice"), people("Bob")
    connect(alice, bob)
    hears_all(alice, 1)
    with pytest.raises(CallFull):
        alice.engine.invite_another().result(TIMEOUT)


def test_the_state_goes_on_while_others_come_and_go(three) -> None:
    see_all(three[0])
    states = [e.state for e in three[0].seen if isinstance(e, StateChanged)]
    talking = [state for state in states if isinstance(state, Talking)]
    assert len({state.since for state in talking}) == 1
    assert [state.inviting is not None for state in talking] == [False, True, False]
