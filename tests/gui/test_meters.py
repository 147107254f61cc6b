"""The meters show the figures they are given, and a dash for what nobody knows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from app.core.meter import LatencyParts
from app.core.state import CallReading
from app.gui.bars import LevelBar, LoadBar
from app.gui.latency_bar import LatencyBar, total_in_words
from app.gui.meters import LatencyMeter, LevelMeters, QualityMeter, RateMeter
from app.gui.sparkline import Sparkline, nice_top
from app.gui.theme import DARK, LIGHT, palette_of
from app.gui.words import UNKNOWN
from benchmarks.staged_engine import staged_reading

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.fixture
def reading() -> CallReading:
    return staged_reading(10)


def test_rates_are_the_readings_own(reading: CallReading) -> None:
    meter = RateMeter()
    rates = replace(
        reading.bandwidth,
        codes_up=0.65,
        codes_down=0.554,
        payload_up=1.25,
        payload_down=9.999,
        wire_up=19.84,
        wire_down=123.4,
    )
    meter.show_reading(replace(reading, bandwidth=rates))
    shown = {key: figure.text() for key, figure in meter.figures.items()}
    assert shown == {
        "codes_up": "0.65",
        "codes_down": "0.55",
        "payload_up": "1.25",
        "payload_down": "10.00",
        "wire_up": "19.8",
        "wire_down": "123",
    }
    assert meter.lines["wire"].samples[-1][1:] == (19.84, 123.4)


def test_computed_wire_bytes_are_called_so(reading: CallReading) -> None:
    meter = RateMeter()
    meter.show_reading(replace(reading, wire_measured=True))
    assert meter.names["wire"].text() == "Wire"
    meter.show_reading(replace(reading, wire_measured=False))
    assert meter.names["wire"].text() == "Wire (computed)"


def test_nothing_is_made_up_without_a_reading() -> None:
    meters = RateMeter(), LatencyMeter(), QualityMeter(), LevelMeters()
    for meter in meters:
        meter.show_reading(None)
    rate, latency, quality, levels = meters
    figures = [
        *rate.figures.values(),
        *latency.totals.values(),
        *latency.parts.values(),
        *quality.figures.values(),
        *quality.load_figures.values(),
        *levels.figures.values(),
    ]
    assert {figure.text() for figure in figures} == {UNKNOWN}
    assert all(line.samples == [] for line in rate.lines.values())


def test_lines_roll_over_one_minute_and_keep_gaps() -> None:
    now = [0.0]
    line = Sparkline("Codes", lambda: now[0])
    for second in range(100):
        now[0] = float(second)
        line.add(float(second), None)
    assert line.samples[0][0] == 39.0
    assert line.samples[-1] == (99.0, 99.0, None)
    assert line.top == 100.0
    line.clear()
    assert line.samples == []


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (0.55, 1), (1.2, 2), (2.0, 2), (3, 5), (19.8, 20), (51, 100)]
)
def test_scales_are_round(value: float, top: float) -> None:
    assert nice_top(value) == pytest.approx(top)


def test_latency_is_the_sum_of_its_parts_to_scale() -> None:
    parts = LatencyParts(20, 80, 15, 10, 30, 15, 30)
    bar = LatencyBar("You are heard after")
    bar.resize(400, 20)
    bar.show_latency(parts, 200.0)
    segments = bar.segments()
    assert [name for name, _, _ in segments] == [
        "capture",
        "chunk",
        "encode",
        "network",
        "jitter",
        "decode",
        "playout",
    ]
    assert segments[1] == ("chunk", 40.0, 160.0)
    assert segments[-1][1] + segments[-1][2] == pytest.approx(400.0)
    assert total_in_words(parts) == "200 ms"
    assert "Network 10 ms" in bar.accessibleName()


def test_a_latency_with_unknown_parts_is_at_least_what_is_known(reading: CallReading) -> None:
    meter = LatencyMeter()
    meter.show_reading(replace(reading, outgoing=LatencyParts(network=12.0), incoming=None))
    assert meter.totals["outgoing"].text() == "at least 92 ms"
    assert meter.parts["outgoing", "network"].text() == "12 ms"
    assert meter.parts["outgoing", "jitter"].text() == UNKNOWN
    assert meter.totals["incoming"].text() == UNKNOWN
    assert meter.bars["incoming"].segments() == []


def test_quality_counts(reading: CallReading) -> None:
    meter = QualityMeter()
    meter.show_reading(
        replace(
            reading,
            bandwidth=replace(reading.bandwidth, loss=0.0345),
            chunks_played=12_345,
            chunks_concealed=1_234,
            chunks_late=7,
            underruns=2,
            input_dropped=0,
            round_trip_ms=4.26,
            encoder_load=0.42,
            decoder_load=0.055,
        )
    )
    assert meter.figures["loss"].text() == "3.5 %"
    assert meter.figures["concealed"].text() == "1\u202f234"
    assert meter.figures["late"].text() == "7"
    assert meter.figures["underruns"].text() == "2"
    assert meter.figures["dropped"].text() == "0"
    assert meter.figures["round_trip"].text() == "4.3 ms"
    assert meter.load_figures["encoder"].text() == "42 %"
    assert meter.load_figures["decoder"].text() == "5.5 %"
    assert meter.warning == ""


def test_loss_is_unknown_until_something_was_due(reading: CallReading) -> None:
    meter = QualityMeter()
    meter.show_reading(replace(reading, chunks_played=0, chunks_concealed=0))
    assert meter.figures["loss"].text() == UNKNOWN


def test_a_machine_too_slow_is_said_in_words(reading: CallReading) -> None:
    meter = QualityMeter()
    meter.show_reading(replace(reading, encoder_load=1.2, decoder_load=1.0))
    assert "too slow for the encoder and the decoder" in meter.warning
    meter.show_reading(replace(reading, encoder_load=0.4, decoder_load=0.2))
    assert meter.warning == ""


def test_a_level_bar_fills_with_the_level_and_holds_its_peak() -> None:
    now = [0.0]
    bar = LevelBar("Your microphone", lambda: now[0])
    bar.resize(200, 10)
    bar.setPalette(palette_of(LIGHT))
    bar.show_level(-15.0)
    bar.show_level(-45.0)
    assert bar.peak == -15.0
    image = bar.grab().toImage()
    accent = QColor(LIGHT.accent)
    assert image.pixelColor(40, 5) == accent  # 25 % is full at -45 dBFS,
    assert image.pixelColor(60, 5) != accent  # and no more than that;
    assert image.pixelColor(148, 5) == QColor(LIGHT.text)  # the peak is marked at 75 %.
    now[0] = 5.0
    bar.show_level(-45.0)
    assert bar.peak == -45.0
    bar.show_level(None)
    assert bar.peak is None


def test_drawings_follow_the_palette(qapp: QApplication) -> None:
    bar = LoadBar("Encoder load")
    bar.resize(200, 10)
    bar.show_load(0.5)
    for scheme in (LIGHT, DARK):
        bar.setPalette(palette_of(scheme))
        image = bar.grab().toImage()
        assert image.pixelColor(50, 5) == QColor(scheme.accent)
        assert image.pixelColor(150, 5) == QColor(scheme.line)


def test_levels_of_a_muted_microphone_are_called_muted(reading: CallReading) -> None:
    levels = LevelMeters()
    levels.show_reading(replace(reading, input_level=-23.4, output_level=-100.0))
    assert levels.figures["input"].text() == "−23 dBFS"
    assert levels.figures["output"].text() == "silent"
    levels.set_muted(True)
    levels.show_reading(reading)
    assert levels.figures["input"].text() == "muted"
    assert levels.bars["input"].level is None
