"""Packets shared by chunks, between real ends: what the path carried is what was sent."""

from __future__ import annotations

import asyncio

import pytest

from app.core.control import (
    Hello,
)
from app.core.control_format import encode_control
from app.net.config import NetworkConfig, Patience
from app.net.state import Connected
from app.net.wire import DTLS_RECORD, DTLS_RECORD_GCM, SCTP_HEADER, ack_bytes

IP_UDP = 28
TUNED, STOCK = NetworkConfig(), NetworkConfig(tuned=False)
PATIENT = Patience(ping_busy=60.0, bye=0.05)
LONE_ACKS = {ack_bytes(record=record) - IP_UDP for record in (DTLS_RECORD, DTLS_RECORD_GCM)}


async def until(true) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.005)


async def stand(make_end, connect, path, configs=(TUNED, TUNED)):  # type: ignore[no-untyped-def]
    """Two ends connected by the path, after what set-up had to say."""
    ends = [make_end(config, PATIENT) for config in configs]
    await connect(*ends, path)
    for end in ends:
        await end.reaches(Connected)
    await asyncio.sleep(0.7)
    del path.sent[0][:], path.sent[1][:]
    return ends


async def talk(ends, count: int) -> None:  # type: ignore[no-untyped-def]
    for number in range(count):
        for end in ends:
            assert end.peer.send_voice(number.to_bytes(2, "big") * 10)
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("configs", [(TUNED, TUNED), (TUNED, STOCK), (STOCK, TUNED)])
async def test_acknowledgements_travel_with_voice(make_end, connect, path, configs) -> None:
    ends = await stand(make_end, connect, path, configs)
    await talk(ends, 40)
    for side, end in enumerate(ends):
        await until(lambda end=end: len(end.voice) == 40)
        await until(lambda end=end: not end.peer._transport.pc.sctp._sent_queue)
        if configs[side] is TUNED:
            assert sum(size in LONE_ACKS for size in path.sent[side]) <= 10
        else:
            assert sum(size in LONE_ACKS for size in path.sent[side]) >= 40


async def test_who_only_listens_acknowledges_alone_and_seldom(make_end, connect, path) -> None:
    caller, callee = await stand(make_end, connect, path)
    await talk([caller], 40)
    await until(lambda: not caller.peer._transport.pc.sctp._sent_queue)
    assert len(callee.voice) == 40
    assert 2 <= sum(size in LONE_ACKS for size in path.sent[1]) <= 12


async def test_messages_of_one_moment_share_a_packet(make_end, connect, path) -> None:
    caller, callee = await stand(make_end, connect, path)
    hello = encode_control(Hello("Ada", "1.0", 1, "tiny", 16000))
    caller.peer.send_voice(bytes(20))
    caller.peer.send_control(hello)
    await until(lambda: callee.voice and callee.control)
    assert callee.control == [hello]
    assert len([size for size in path.sent[0] if size not in LONE_ACKS]) == 1


async def test_more_than_a_packet_holds_goes_in_several(make_end, connect, path) -> None:
    caller, callee = await stand(make_end, connect, path)
    for number in range(20):
        caller.peer.send_control(encode_control(Hello(str(number), "x" * 60, 1, "y" * 60, 16000)))
    await until(lambda: len(callee.control) == 20)
    assert max(path.sent[0]) <= 1200 + SCTP_HEADER + DTLS_RECORD
    assert len(path.sent[0]) < 10


async def test_loss_is_mended_and_told_without_a_packet_for_each_word(
    make_end, connect, path
) -> None:
    caller, callee = await stand(make_end, connect, path)
    path.loss = 0.2
    for number in range(10):
        caller.peer.send_control(encode_control(Hello(str(number), "", 1, "", 16000)))
        await talk((caller, callee), 4)
    path.loss = 0.0
    await talk((caller, callee), 8)
    await until(lambda: len(callee.control) == 10)
    assert callee.control == [
        encode_control(Hello(str(number), "", 1, "", 16000)) for number in range(10)
    ]
    for end in (caller, callee):
        assert 0 < len(end.voice) < 48
        await until(lambda end=end: not end.peer._transport.pc.sctp._sent_queue)
    # 48 of voice each way; the rest is what was lost and sent again, or found no company.
    assert all(len(sent) < 48 + 36 for sent in path.sent)
