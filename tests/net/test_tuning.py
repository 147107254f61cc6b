"""Two real ends over loopback, either of them as aiortc is or tuned."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from app.net.config import NetworkConfig
from app.net.state import Connected
from app.net.tuning import agreed_cipher, bundle, prefer_short_records

TUNED, STOCK = NetworkConfig(), NetworkConfig(tuned=False)


async def test_the_aiortc_that_is_installed_can_be_tuned() -> None:
    pc = RTCPeerConnection(RTCConfiguration([]))
    pc.createDataChannel("voice", negotiated=True, id=0)
    assert bundle(pc, lambda: None)
    assert prefer_short_records(pc)
    await pc.close()


def test_an_aiortc_built_otherwise_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    sctp = SimpleNamespace()
    pc = SimpleNamespace(sctp=sctp)
    assert not bundle(pc, lambda: None)  # type: ignore[arg-type]
    assert not prefer_short_records(pc)  # type: ignore[arg-type]
    assert agreed_cipher(pc) is None  # type: ignore[arg-type]
    assert vars(sctp) == {}
    assert len(caplog.records) == 2


def test_a_connection_without_data_channels_is_left_alone() -> None:
    pc = SimpleNamespace(sctp=None)
    assert not bundle(pc, lambda: None)  # type: ignore[arg-type]
    assert not prefer_short_records(pc)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("caller_config", "callee_config", "cipher"),
    [
        (TUNED, TUNED, "ECDHE-ECDSA-CHACHA20-POLY1305"),
        (TUNED, STOCK, "ECDHE-ECDSA-CHACHA20-POLY1305"),
        (STOCK, TUNED, "ECDHE-ECDSA-CHACHA20-POLY1305"),
        (STOCK, STOCK, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ],
)
async def test_the_shortest_cipher_is_agreed_on_where_one_end_is_tuned(
    make_end, connect, caller_config, callee_config, cipher
) -> None:
    caller, callee = make_end(caller_config), make_end(callee_config)
    await connect(caller, callee)
    for end in (caller, callee):
        await end.reaches(Connected)
        assert agreed_cipher(end.peer._transport.pc) == cipher


async def test_an_end_that_knows_only_aes_is_understood(make_end, connect) -> None:
    caller, callee = make_end(), make_end(STOCK)
    certificate = callee.peer._transport.pc.sctp.transport._RTCDtlsTransport__local_certificate
    stock = certificate._create_ssl_context

    def only_aes(*args: object, **named: object) -> object:
        context = stock(*args, **named)
        context.set_cipher_list(b"ECDHE-ECDSA-AES128-GCM-SHA256")
        return context

    certificate._create_ssl_context = only_aes
    await connect(caller, callee)
    await caller.reaches(Connected)
    assert agreed_cipher(caller.peer._transport.pc) == "ECDHE-ECDSA-AES128-GCM-SHA256"
