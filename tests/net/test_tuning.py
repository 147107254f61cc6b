from __future__ import annotations

from types import SimpleNamespace

from app.net.tuning import delay_acks


def test_an_aiortc_built_otherwise_is_left_alone() -> None:
    sctp = SimpleNamespace()
    assert not delay_acks(SimpleNamespace(sctp=sctp))  # type: ignore[arg-type]
    assert vars(sctp) == {}


def test_a_connection_without_data_channels_is_left_alone() -> None:
    assert not delay_acks(SimpleNamespace(sctp=None))  # type: ignore[arg-type]


async def test_missing_packets_are_acknowledged_at_once() -> None:
    sent: list[str] = []

    class Sctp:
        def __init__(self) -> None:
            self._sack_needed = True
            self._sack_duplicates: list[int] = []
            self._sack_misordered: set[int] = set()

        async def _send_sack(self) -> None:
            sent.append("sack")

    sctp = Sctp()
    assert delay_acks(SimpleNamespace(sctp=sctp))  # type: ignore[arg-type]
    await sctp._send_sack()
    assert (sent, sctp._sack_needed) == ([], False)
    sctp._sack_misordered.add(7)
    await sctp._send_sack()
    assert sent == ["sack"]
    sctp._sack_misordered.clear()
    for _ in range(8):
        await sctp._send_sack()
    assert sent == ["sack", "sack"]
