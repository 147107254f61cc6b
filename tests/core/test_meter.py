from __future__ import annotations

import pytest

from app.core.meter import EndLatency, LatencyParts, LoadMeter, Meter, Recent


class FakeClock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def speak(meter: Meter, clock: FakeClock, chunks: int) -> None:
    for _ in range(chunks):
        clock.now += 0.08
        meter.sent_codes(44)
        meter.sent_payload(15)
        meter.sent_wire(109)
        meter.received_codes(52)
        meter.received_payload(17)
        meter.received_wire(113)


def test_a_steady_call_reads_the_rates_of_its_codec(clock: FakeClock) -> None:
    meter = Meter(clock)
    speak(meter, clock, 1000)
    reading = meter.read()
    assert reading.codes_up == pytest.approx(0.55, rel=0.03)
    assert reading.codes_down == pytest.approx(0.65, rel=0.03)
    assert reading.payload_up == pytest.approx(1.5, rel=0.03)
    assert reading.payload_down == pytest.approx(1.7, rel=0.03)
    assert reading.wire_up == pytest.approx(10.9, rel=0.03)
    assert reading.wire_down == pytest.approx(11.3, rel=0.03)
    assert reading.codes_up_total == 5500
    assert reading.codes_down_total == 6500
    assert reading.payload_up_total == 15_000
    assert reading.payload_down_total == 17_000
    assert reading.wire_up_total == 109_000
    assert reading.wire_down_total == 113_000
    assert reading.seconds == pytest.approx(80.0)


def test_silence_lets_the_rate_fall_to_nothing_and_keeps_the_totals(clock: FakeClock) -> None:
    meter = Meter(clock, window=3.0)
    speak(meter, clock, 100)
    clock.now += 1.5
    assert 0 < meter.read().wire_up < 10.9 * 0.6
    clock.now += 1.6
    assert meter.read().wire_up == 0
    assert meter.read().wire_up_total == 10_900


def test_the_first_packet_is_no_torrent(clock: FakeClock) -> None:
    meter = Meter(clock)
    clock.now += 0.001
    meter.sent_wire(100)
    assert meter.read().wire_up == pytest.approx(0.8)


def test_loss_is_a_share_of_the_window(clock: FakeClock) -> None:
    meter = Meter(clock, window=3.0)
    assert meter.read().loss == 0
    meter.lost(1)
    meter.played(3)
    assert meter.read().loss == pytest.approx(0.25)
    clock.now += 3.1
    meter.played(10)
    assert meter.read().loss == 0


def test_load_is_work_per_second_of_the_window(clock: FakeClock) -> None:
    load = LoadMeter(clock, window=2.0)
    for _ in range(100):
        load.add(0.03)
        clock.now += 0.1
    assert load.read() == pytest.approx(0.3, abs=0.02)
    clock.now += 2.1
    assert load.read() == 0


def test_a_recent_value_begins_with_the_first_and_follows_slowly() -> None:
    recent = Recent()
    assert recent.value is None
    recent.add(10.0)
    assert recent.value == 10.0
    recent.add(20.0)
    assert recent.value == pytest.approx(11.0)


def test_mouth_to_ear_adds_both_ends_and_half_the_round_trip() -> None:
    speaker = EndLatency(capture=20, encode=15, jitter=99, decode=99, playout=99)
    listener = EndLatency(capture=99, encode=99, jitter=30, decode=12, playout=40)
    parts = LatencyParts.between(speaker, listener, round_trip_ms=10)
    assert parts == LatencyParts(20, 80, 15, 5, 30, 12, 40)
    assert parts.mouth_to_ear == 202


def test_parts_not_known_yet_are_not_made_up() -> None:
    parts = LatencyParts.between(EndLatency(capture=5.0), EndLatency(), 4)
    assert (parts.capture, parts.network, parts.jitter) == (5.0, 2.0, None)
    assert parts.mouth_to_ear == 87
    assert not parts.is_whole
    assert LatencyParts(1, 80, 1, 1, 0.0, 1, 1).is_whole
