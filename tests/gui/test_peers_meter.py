"""What each peer costs, and what all do beside Opus."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.state import CallReading, PeerJoined
from app.gui.meters import RateMeter
from app.gui.words import beside_opus
from app.net.cost import opus_bytes
from benchmarks.staged_engine import PEER, staged_reading
from tests.gui.conftest import Stage, until


@pytest.fixture
def two() -> CallReading:
    reading = staged_reading(10)
    (ben,) = reading.peers
    eve = replace(ben, id=2, bandwidth=replace(ben.bandwidth, wire_up=3.21), their_profile="")
    return replace(reading, peers=(ben, eve))


def test_a_row_a_peer_where_there_are_several(stage: Stage, two: CallReading) -> None:
    meter = stage.window.call.each

    async def story() -> None:
        stage.engine.talk()
        stage.engine.tell(PeerJoined(replace(PEER, id=2, name="Eve " * 20)))
        stage.engine.shown = two
        await until(lambda: list(meter.rows) == [1, 2])
        assert meter.isVisibleTo(stage.window.call)
        _, codes, payload, wire, profile = meter.rows[1]
        band = two.peers[0].bandwidth
        assert codes.text() == f"{band.codes_up:.2f} / {band.codes_down:.2f}"
        assert payload.text() == f"{band.payload_up:.2f} / {band.payload_down:.2f}"
        assert profile.text() == "Low delay / Balanced"
        assert meter.rows[2][3].text().startswith("3.21 / ")
        assert meter.rows[2][4].text() == "Low delay / –"
        assert meter.rows[2][0].toolTip().startswith("<span>Eve Eve")
        assert wire.accessibleName().startswith("Ben, wire: ")
        stage.engine.shown = replace(two, peers=two.peers[1:])
        await until(lambda: list(meter.rows) == [2])
        assert not meter.isVisibleTo(stage.window.call)

    stage.play(story())


@pytest.mark.usefixtures("qapp")
def test_the_bit_rate_tells_what_opus_would_have_cost(two: CallReading) -> None:
    meter = RateMeter()
    assert meter.beside_opus.isHidden()
    meter.show_reading(two)
    bands = [peer.bandwidth for peer in two.peers]
    took = sum(band.wire_up_total + band.wire_down_total for band in bands)
    assert meter.beside_opus.text() == beside_opus(took, 20.0)
    assert meter.profile.isHidden()
    meter.show_reading(replace(two, peers=two.peers[:1]))
    assert meter.profile.text() == "Profile, to them / from them: Low delay / Balanced"


def test_the_comparison_in_words() -> None:
    words = beside_opus(opus_bytes(60) // 4, 60)
    assert words.endswith("would have cost 660.0 kB, 4.0 times as much.")
    assert beside_opus(0, 0) == "0 B on the wire so far, both ways together."
