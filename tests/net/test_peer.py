"""Two real aiortc peers over loopback: connect, talk, be harmed, part."""

from __future__ import annotations

import asyncio
import dataclasses
import random

import pytest

from app.core.control import (
    Bye,
    ByeReason,
    Hello,
    Mute,
)
from app.core.control_format import encode_control
from app.core.description import Candidate, CandidateKind
from app.core.meter import EndLatency
from app.net.config import NetworkConfig, Patience, TurnServer
from app.net.errors import (
    DescriptionRefused,
    IdentityMismatch,
    NetError,
    NoNetwork,
    NoRoute,
    OutOfTurn,
    RelayUnavailable,
    ServerMisspelt,
)
from app.net.peer import PeerConnection
from app.net.state import Connected, Connecting, Disconnected, Failed, New, Reconnecting
from app.net.transport import MAX_CONTROL_BUFFER

HURRIED = Patience(
    connect=0.5,
    handshake=0.5,
    ping=0.05,
    ping_busy=0.05,
    missing=0.2,
    lost=0.6,
    bye=0.02,
    keep_alive=0.1,
)


async def until(true) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.005)


async def test_two_ends_connect_and_say_how(pair) -> None:
    for end in pair:
        assert end.states == [Connecting(), Connected("on this computer, IPv4")]


async def test_messages_go_both_ways_on_both_channels(pair) -> None:
    caller, callee = pair
    hello = encode_control(Hello("Ada", "1.0", 1, "tiny", 16000))
    for number in range(50):
        assert caller.peer.send_voice(bytes([number]))
        assert callee.peer.send_voice(bytes([100 + number]))
    assert caller.peer.send_control(hello)
    assert callee.peer.send_control(encode_control(Mute(True)))
    await until(lambda: len(caller.voice) == 50 and len(callee.voice) == 50)
    await until(lambda: caller.control and callee.control)
    assert sorted(callee.voice) == [bytes([number]) for number in range(50)]
    assert sorted(caller.voice) == [bytes([100 + number]) for number in range(50)]
    assert callee.control == [hello]
    assert caller.control == [encode_control(Mute(True))]
    stats = caller.peer.stats()
    assert (stats.voice_sent, stats.voice_received, stats.voice_dropped) == (50, 50, 0)


async def test_lost_voice_is_not_sent_again_and_control_is(make_end, connect, path) -> None:
    caller, callee = make_end(), make_end()
    await connect(caller, callee, path)
    await caller.reaches(Connected)
    await callee.reaches(Connected)
    path.loss = 0.3
    for number in range(40):
        caller.peer.send_voice(bytes([number]))
        caller.peer.send_control(encode_control(Hello(str(number), "", 1, "", 16000)))
        await asyncio.sleep(0.01)
    path.loss = 0.0
    await until(lambda: len(callee.control) == 40)
    assert callee.control == [
        encode_control(Hello(str(number), "", 1, "", 16000)) for number in range(40)
    ]
    assert 0 < len(callee.voice) < 40
    assert len(set(callee.voice)) == len(callee.voice)


async def test_voice_overtakes_lost_voice(make_end, connect, path) -> None:
    caller, callee = make_end(), make_end()
    await connect(caller, callee, path)
    await caller.reaches(Connected)
    path.delay = lambda rng: rng.uniform(0, 0.05)
    for number in range(60):
        caller.peer.send_voice(bytes([number]))
        await asyncio.sleep(0.005)
    await until(lambda: len(callee.voice) == 60)
    assert callee.voice != sorted(callee.voice)


async def test_random_bytes_on_both_channels_harm_nothing(pair) -> None:
    caller, callee = pair
    rng = random.Random(1)
    bye = encode_control(Bye())[0]
    for _ in range(100):
        caller.peer.send_voice(rng.randbytes(rng.randrange(1, 60)))
        junk = rng.randbytes(rng.randrange(1, 60))
        caller.peer._transport.channels["control"].send(junk if junk[0] != bye else b"\xff")
        await asyncio.sleep(0)
    caller.peer._transport.channels["control"].send("not bytes")
    caller.peer._transport.channels["voice"].send("not bytes")
    caller.peer._transport.channels["voice"].send(b"")
    end = encode_control(Hello("last", "", 1, "", 16000))
    caller.peer.send_control(end)
    await until(lambda: end in callee.control)
    assert isinstance(callee.peer.state, Connected)
    assert callee.peer.stats().unreadable > 50
    assert callee.peer.stats().callback_errors == 0


async def test_a_listener_that_raises_is_counted_and_the_connection_goes_on(
    pair, caplog: pytest.LogCaptureFixture
) -> None:
    caller, callee = pair

    def fail(*_: object) -> None:
        raise RuntimeError("boom")

    callee.peer._on_voice = callee.peer._on_control = callee.peer._on_pong = fail
    callee.peer._own_latency = fail
    for _ in range(5):
        caller.peer.send_voice(b"voice")
    caller.peer.send_control(encode_control(Mute(True)))
    await until(lambda: callee.peer.stats().callback_errors >= 6)
    callee.peer.send_voice(b"still here")
    await until(lambda: caller.voice == [b"still here"])
    assert "the connection goes on" in caplog.text


async def test_pings_measure_the_round_trip_and_carry_the_latency(make_end, connect, path) -> None:
    theirs = EndLatency(20.0, 12.5, 30.0, None, 40.0)
    caller, callee = make_end(patience=HURRIED), make_end(patience=HURRIED, own_latency=theirs)
    path.delay = lambda rng: 0.03
    await connect(caller, callee, path)
    await until(lambda: len(caller.pongs) > 3)
    assert caller.pongs[-1][1] == theirs
    assert caller.pongs[-1][0] >= 0.055
    assert caller.peer.stats().round_trip == caller.pongs[-1][0]


async def test_hanging_up_tells_the_other_end(pair) -> None:
    caller, callee = pair
    await caller.peer.close()
    ended = await callee.reaches(Disconnected)
    assert ended == Disconnected("The other side hung up.", ByeReason.HUNG_UP)
    assert caller.states[-1] == Disconnected("You left the call.", ByeReason.HUNG_UP, here=True)


async def test_the_reason_for_leaving_arrives(pair) -> None:
    caller, callee = pair
    await callee.peer.close(ByeReason.BUSY)
    assert (await caller.reaches(Disconnected)).bye is ByeReason.BUSY


async def test_closing_twice_and_at_once_is_closing(pair) -> None:
    caller, callee = pair
    await asyncio.gather(caller.peer.close(), caller.peer.close(), callee.peer.close())
    await caller.peer.close()
    for end in pair:
        assert sum(isinstance(state, Disconnected) for state in end.states) == 1
        assert not end.peer.send_voice(b"too late")
        assert end.peer.stats().voice_dropped == 1


async def test_closing_before_anything_happened(make_end) -> None:
    end = make_end()
    assert end.peer.state == New()
    await end.peer.close()
    assert isinstance(end.peer.state, Disconnected)
    with pytest.raises(OutOfTurn):
        await end.peer.create_offer()


async def test_an_end_that_vanishes_is_noticed(make_end, connect, path) -> None:
    caller, callee = make_end(patience=HURRIED), make_end(patience=HURRIED)
    await connect(caller, callee, path)
    await caller.reaches(Connected)
    await callee.reaches(Connected)
    path.hole = True
    await caller.reaches(Reconnecting)
    await caller.reaches(Disconnected)
    assert [type(state) for state in caller.states[2:]] == [Reconnecting, Disconnected]
    for end in (caller, callee):
        ended = await end.reaches(Disconnected)
        assert ended.bye is None
        assert "lost" in ended.reason


async def test_a_path_that_comes_back_is_noticed(make_end, connect, path) -> None:
    patience = dataclasses.replace(HURRIED, lost=15.0)
    caller, callee = make_end(patience=patience), make_end(patience=patience)
    await connect(caller, callee, path)
    await caller.reaches(Connected)
    path.hole = True
    await caller.reaches(Reconnecting)
    path.hole = False
    await caller.reaches(Connected)
    assert [type(state) for state in caller.states[:3]] == [Connecting, Connected, Reconnecting]


async def test_a_peer_that_aborts_without_a_word_is_noticed_at_once(pair) -> None:
    caller, callee = pair
    await caller.peer._transport.pc.close()
    assert (await callee.reaches(Disconnected)).bye is None


async def test_a_full_buffer_drops_and_counts(make_end, connect, path) -> None:
    caller, callee = make_end(), make_end()
    await connect(caller, callee, path)
    await caller.reaches(Connected)
    path.hole = True
    for _ in range(2000):
        caller.peer.send_voice(bytes(60))
    for _ in range(2000):
        caller.peer.send_control(bytes(60))
    stats = caller.peer.stats()
    assert stats.voice_dropped > 1900
    assert stats.control_dropped > 900
    assert caller.peer._transport.channels["control"].bufferedAmount <= MAX_CONTROL_BUFFER


async def test_nobody_there_is_no_route(make_end, connect, path) -> None:
    caller, callee = make_end(patience=HURRIED), make_end(patience=HURRIED)
    path.hole = True
    await connect(caller, callee, path)
    failed = await caller.reaches(Failed)
    assert isinstance(failed.error, NoRoute)
    assert failed.reason.endswith(".")
    assert callee.peer.state == New()


async def test_an_answer_nobody_takes_is_given_up(make_end) -> None:
    caller = make_end()
    callee = make_end(patience=dataclasses.replace(HURRIED, answer_taken=0.1))
    await callee.peer.accept_offer(await caller.peer.create_offer())
    assert isinstance((await callee.reaches(Failed)).error, NoRoute)


async def test_a_path_that_opens_late_is_found(make_end, connect, path) -> None:
    patience = dataclasses.replace(HURRIED, connect=20.0)
    caller, callee = make_end(patience=patience), make_end(patience=patience)
    path.hole = True
    await connect(caller, callee, path)
    await asyncio.sleep(1.0)
    path.hole = False
    await caller.reaches(Connected)
    await callee.reaches(Connected)


async def test_a_handshake_may_take_longer_than_finding_a_way(make_end, connect, path) -> None:
    patience = dataclasses.replace(HURRIED, handshake=40.0)
    caller, callee = make_end(patience=patience), make_end(patience=patience)
    path.only_checks = True
    await connect(caller, callee, path)
    await asyncio.sleep(2 * patience.connect)
    path.only_checks = False
    await caller.reaches(Connected)
    await callee.reaches(Connected)


async def test_a_handshake_that_never_ends_is_given_up(make_end, connect, path) -> None:
    caller, callee = make_end(patience=HURRIED), make_end(patience=HURRIED)
    path.only_checks = True
    await connect(caller, callee, path)
    assert isinstance((await caller.reaches(Failed)).error, NetError)


async def test_another_key_than_the_one_named_is_refused(make_end) -> None:
    caller, callee = make_end(), make_end()
    answer = await callee.peer.accept_offer(await caller.peer.create_offer())
    await caller.peer.accept_answer(dataclasses.replace(answer, fingerprint=bytes(32)))
    assert isinstance((await caller.reaches(Failed)).error, IdentityMismatch)
    assert not isinstance(callee.peer.state, Connected)


async def test_each_step_only_once(make_end) -> None:
    caller, callee = make_end(), make_end()
    offer = await caller.peer.create_offer()
    with pytest.raises(OutOfTurn):
        await caller.peer.create_offer()
    with pytest.raises(OutOfTurn):
        await callee.peer.accept_answer(offer)
    answer = await callee.peer.accept_offer(offer)
    await caller.peer.accept_answer(answer)
    with pytest.raises(OutOfTurn):
        await caller.peer.accept_answer(answer)


async def test_an_offer_is_no_answer(make_end) -> None:
    caller, other = make_end(), make_end()
    await caller.peer.create_offer()
    with pytest.raises(DescriptionRefused):
        await caller.peer.accept_answer(await other.peer.create_offer())


async def test_relay_only_names_no_address_of_this_machine(make_end) -> None:
    end = make_end(NetworkConfig(relay_only=True, loopback=True))
    with pytest.raises(RelayUnavailable):
        await end.peer.create_offer()


async def test_a_machine_without_any_address(make_end) -> None:
    end = make_end()
    end.peer._transport.ice.connection.get_component_candidates = no_candidates
    with pytest.raises(NoNetwork):
        await end.peer.create_offer()


async def no_candidates(*_: object, **__: object) -> list[object]:
    return []


async def test_loopback_is_offered_beside_other_addresses(
    make_end, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.2"])
    with_it, without = make_end(NetworkConfig(loopback=True)), make_end(NetworkConfig())
    both = (await with_it.peer.create_offer()).candidates
    assert {candidate.address for candidate in both} == {"127.0.0.1", "127.0.0.2"}
    one = (await without.peer.create_offer()).candidates
    assert {candidate.address for candidate in one} == {"127.0.0.2"}


@pytest.mark.parametrize(
    "config",
    [
        NetworkConfig(stun=("nonsense",)),
        NetworkConfig(stun=("stun:host:99999",)),
        NetworkConfig(stun=("turn:host:3478",)),
        NetworkConfig(turn=(TurnServer("turn:"),)),
        NetworkConfig(turn=(TurnServer("turn:a b:1"),)),
    ],
)
async def test_a_misspelt_server_is_named(config: NetworkConfig) -> None:
    def ignore(*_: object) -> None: ...

    with pytest.raises(ServerMisspelt, match="Write it as"):
        PeerConnection(config, on_voice=ignore, on_control=ignore, on_state=ignore)


async def test_candidates_that_lead_nowhere_do_not_stop_those_that_lead_somewhere(
    make_end,
) -> None:
    caller, callee = make_end(), make_end()
    offer = await caller.peer.create_offer()
    dead = Candidate(CandidateKind.REFLEXIVE, "127.0.0.9", 9)
    offer = dataclasses.replace(offer, candidates=(dead, *offer.candidates))
    await caller.peer.accept_answer(await callee.peer.accept_offer(offer))
    await caller.reaches(Connected)
    await callee.reaches(Connected)
