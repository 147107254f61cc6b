"""Two real ends whose way changes under them: a hole, another port, another address."""

from __future__ import annotations

import asyncio
import dataclasses
from types import SimpleNamespace

import pytest
from aioice import stun

from app.core.control import (
    ByeReason,
    Hello,
)
from app.core.control_format import encode_control
from app.net.config import NetworkConfig, Patience
from app.net.roaming import Roaming
from app.net.state import Connected, Disconnected, Reconnecting

QUICK = Patience(ping=0.05, ping_busy=0.05, missing=0.3, bye=0.05, consent=0.2, addresses=0.1)
DTLS = range(20, 64)
"""First bytes of DTLS records; those of STUN are 0 and 1 (RFC 7983)."""


async def until(true) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.005)


async def heard_again(speaker, listener, word: bytes) -> None:  # type: ignore[no-untyped-def]
    """Speak until it is heard."""
    async with asyncio.timeout(20):
        while word not in listener.voice:
            speaker.peer.send_voice(word)
            await asyncio.sleep(0.02)


@pytest.fixture
async def ends(make_end, connect, path):  # type: ignore[no-untyped-def]
    """Caller and callee, connected by the path."""
    ends = make_end(patience=QUICK), make_end(patience=QUICK)
    await connect(*ends, path)
    for end in ends:
        await end.reaches(Connected)
    return ends


async def test_both_speak_again_after_a_hole(ends, path) -> None:
    path.hole = True
    for end in ends:
        await end.reaches(Reconnecting)
        end.peer.send_voice(b"lost")
        end.peer.send_control(encode_control(Hello("kept", "", 1, "", 16000)))
    await asyncio.sleep(0.05)
    path.hole = False
    for speaker, listener in (ends, ends[::-1]):
        await listener.reaches(Connected)
        await heard_again(speaker, listener, b"back")
        await until(lambda listener=listener: listener.control)
        assert b"lost" not in listener.voice


async def test_after_long_without_an_answer_nothing_but_checks_is_sent(
    make_end, connect, path
) -> None:
    patience = dataclasses.replace(QUICK, consent_expiry=0.6)
    caller, callee = make_end(patience=patience), make_end(patience=patience)
    await connect(caller, callee, path)
    await caller.reaches(Connected)
    await callee.reaches(Connected)
    path.hole = True
    await caller.reaches(Reconnecting)
    await asyncio.sleep(1.2)
    del path.kinds[0][:]
    for _ in range(20):
        caller.peer.send_voice(b"into nowhere")
        await asyncio.sleep(0.05)
    assert path.kinds[0]
    assert not [kind for kind in path.kinds[0] if kind in DTLS]
    path.hole = False
    await caller.reaches(Connected)
    await heard_again(caller, callee, b"back")


@pytest.mark.parametrize("side", [0, 1])
async def test_an_end_seen_at_another_port_is_followed(ends, path, side: int) -> None:
    await path.rebind(side)
    hidden, other = ends[side], ends[1 - side]
    await heard_again(other, hidden, b"found")
    await heard_again(hidden, other, b"here")
    await other.peer.close()
    assert (await hidden.reaches(Disconnected)).bye is ByeReason.HUNG_UP


class _Unplugged:
    """A transport whose network is gone."""

    def __init__(self, transport: object) -> None:
        self._transport = transport

    def sendto(self, data: bytes, addr: object = None) -> None: ...

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)


@pytest.mark.parametrize("mover", [0, 1])
async def test_an_end_that_moved_goes_on_from_its_new_address(
    make_end, connect, monkeypatch: pytest.MonkeyPatch, mover: int
) -> None:
    here: list[str] = []
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: list(here))
    ends = [make_end(patience=QUICK), make_end(patience=QUICK)]
    here[:] = ["127.0.0.2"]
    offer = await ends[0].peer.create_offer()
    here[:] = ["127.0.0.3"]
    answer = await ends[1].peer.accept_offer(offer)
    here[:] = ["127.0.0.2", "127.0.0.3"]
    await ends[0].peer.accept_answer(answer)
    for end in ends:
        await end.reaches(Connected)
    moved, other = ends[mover], ends[1 - mover]
    for socket in moved.peer._transport.ice.sockets():
        socket.transport = _Unplugged(socket.transport)
        socket.datagram_received = lambda data, addr: None
    here[:] = [["127.0.0.3"], ["127.0.0.2"]][mover] + ["127.0.0.4"]
    await heard_again(moved, other, b"from there")
    await heard_again(other, moved, b"from here")
    way = moved.peer._transport.ice.connection._nominated[1]
    assert way.local_candidate.host == "127.0.0.4"
    assert all(isinstance(end.peer.state, Connected | Reconnecting) for end in ends)
    before = moved.peer.stats().wire.sent_datagrams
    await heard_again(moved, other, b"still")
    assert moved.peer.stats().wire.sent_datagrams > before


async def test_checks_that_are_not_signed_draw_the_call_nowhere(pair) -> None:
    caller, callee = pair
    connection = callee.peer._transport.ice.connection
    (socket,) = connection._protocols
    way = connection._nominated[1]
    stranger = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    stranger.attributes["USERNAME"] = f"{connection.local_username}:{connection.remote_username}"
    stranger.attributes["PRIORITY"] = 1
    stranger.attributes["ICE-CONTROLLING"] = 1
    stranger.attributes["USE-CANDIDATE"] = None
    stranger.add_message_integrity(b"guessed")
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    transport.sendto(bytes(stranger), (socket.local_candidate.host, socket.local_candidate.port))
    await heard_again(caller, callee, b"undisturbed")
    await heard_again(callee, caller, b"undisturbed")
    assert connection._nominated[1] is way
    assert len(connection._remote_candidates) == 1
    transport.close()


async def test_who_hides_its_addresses_opens_no_socket_on_a_new_one(
    make_end, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = make_end(NetworkConfig(relay_only=True), QUICK)
    roaming = end.peer._transport._roaming
    await roaming._open(["127.0.0.5"])
    assert end.peer._transport.ice.sockets() == []


async def test_the_aioice_that_is_installed_can_roam(make_end) -> None:
    assert make_end().peer._transport._roaming.works


async def test_an_aioice_built_otherwise_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    connection = SimpleNamespace(sendto=None)
    roaming = Roaming(connection, QUICK, on_sockets=print, on_route=print)
    assert not roaming.works
    assert vars(connection) == {"sendto": None}
    assert len(caplog.records) == 1
