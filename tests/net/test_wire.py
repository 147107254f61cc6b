"""The wire counter against plain UDP sockets that carry the same datagrams."""

from __future__ import annotations

import asyncio

import pytest

from app.net.config import NetworkConfig, Patience
from app.net.state import Connected
from app.net.wire import (
    DTLS_RECORD_GCM,
    WireCounter,
    ack_bytes,
    datagram_bytes,
    message_bytes,
    rider_bytes,
)

IP_UDP = 28


async def quiet(path) -> None:  # type: ignore[no-untyped-def]
    """Wait until nothing has moved on the path for a moment."""
    before = -1
    while before != len(path.sent[0]) + len(path.sent[1]):
        before = len(path.sent[0]) + len(path.sent[1])
        await asyncio.sleep(0.1)


async def test_the_count_is_what_udp_sockets_saw(make_end, connect, path) -> None:
    caller, callee = make_end(), make_end()
    await connect(caller, callee, path)
    await caller.reaches(Connected)
    for _ in range(20):
        caller.peer.send_voice(bytes(15))
        callee.peer.send_voice(bytes(9))
        await asyncio.sleep(0.01)
    await quiet(path)
    for side, end in enumerate((caller, callee)):
        counted = end.peer.stats().wire
        assert counted.exact
        assert counted.sent_datagrams == len(path.sent[side])
        assert counted.sent_bytes == sum(size + IP_UDP for size in path.sent[side])
        assert counted.received_datagrams == len(path.sent[1 - side])
        assert counted.received_bytes == sum(size + IP_UDP for size in path.sent[1 - side])
        assert sum(up for up, _ in end.wire) == counted.sent_bytes
        assert sum(down for _, down in end.wire) == counted.received_bytes


@pytest.mark.parametrize("payload", [8, 9, 15, 21])
async def test_the_formula_is_what_a_message_costs(make_end, connect, path, payload: int) -> None:
    plain = NetworkConfig(tuned=False)
    caller, callee = make_end(plain), make_end(plain)
    await connect(caller, callee, path)
    await caller.reaches(Connected)
    await callee.reaches(Connected)
    await quiet(path)
    del path.sent[0][:], path.sent[1][:]
    caller.peer.send_voice(bytes(payload))
    await quiet(path)
    assert message_bytes(payload, record=DTLS_RECORD_GCM) - IP_UDP in path.sent[0]
    assert ack_bytes(record=DTLS_RECORD_GCM) - IP_UDP in path.sent[1]


@pytest.mark.parametrize("payload", [8, 15])
async def test_the_formula_is_what_a_tuned_message_costs(
    make_end, connect, path, payload: int
) -> None:
    rare = Patience(ping=4.0, ping_busy=60.0, missing=60.0, bye=0.05)
    caller, callee = make_end(patience=rare), make_end(patience=rare)
    await connect(caller, callee, path)
    await caller.reaches(Connected)
    await callee.reaches(Connected)
    await asyncio.sleep(2.0)  # until the first pongs are acknowledged
    del path.sent[0][:], path.sent[1][:]
    caller.peer.send_voice(bytes(payload))
    await asyncio.sleep(0.6)
    assert message_bytes(payload) - IP_UDP in path.sent[0]
    assert ack_bytes() - IP_UDP in path.sent[1]


async def test_what_the_system_refuses_to_send_is_not_counted(pair) -> None:
    caller, _ = pair
    (socket,) = caller.peer._transport.ice.sockets()
    before = caller.peer.stats().wire.sent_datagrams
    socket.transport.sendto(b"to nobody", ("127.0.0.1", 0))
    assert caller.peer.stats().wire.sent_datagrams == before


def test_headers_of_both_ip_versions() -> None:
    assert datagram_bytes(100) == 128
    assert datagram_bytes(100, ipv6=True) == 148
    assert message_bytes(15) == 101
    assert message_bytes(16, ipv6=True) == 121
    assert message_bytes(15, record=DTLS_RECORD_GCM) == 109
    assert rider_bytes(15) == 32
    assert ack_bytes() == 85


def test_sockets_built_otherwise_fall_back_to_the_formula_and_say_so() -> None:
    counter = WireCounter()
    counter.attach([object()])
    counter.message_sent(15)
    counter.message_received(9)
    totals = counter.totals()
    assert not totals.exact
    assert totals.sent_bytes == message_bytes(15) + ack_bytes()
    assert totals.received_bytes == message_bytes(9) + ack_bytes()
