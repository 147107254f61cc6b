from __future__ import annotations

import pytest

from app.audio.pace import PATIENCE, Sink, Source


def test_a_source_gives_samples_when_they_would_have_been_recorded(fake_time) -> None:
    source = Source(16_000, fake_time.clock, fake_time.sleep)
    assert source.take(1_280, 1.0)
    assert fake_time.now == pytest.approx(100.08)
    assert not source.take(1_280, 0.03)
    assert fake_time.now == pytest.approx(100.11)
    assert source.take(1_280, 1.0)
    assert fake_time.now == pytest.approx(100.16)


def test_a_late_reader_catches_up_but_a_very_late_one_finds_it_waiting(fake_time) -> None:
    source = Source(16_000, fake_time.clock, fake_time.sleep)
    source.take(1_600, 1.0)
    fake_time.now += 0.3
    assert source.backlog == pytest.approx(0.3)
    source.take(1_600, 1.0)
    assert source.backlog == pytest.approx(0.2)
    fake_time.now += 60.0
    source.take(1_600, 1.0)
    assert source.backlog == pytest.approx(PATIENCE)


def test_a_source_starts_with_its_first_reader(fake_time) -> None:
    source = Source(16_000, fake_time.clock, fake_time.sleep)
    fake_time.now += 10.0
    assert source.backlog == 0.0
    source.take(16_000, 5.0)
    assert fake_time.now == pytest.approx(111.0)


def test_a_sink_drains_in_real_time(fake_time) -> None:
    sink = Sink(16_000, fake_time.clock, fake_time.sleep)
    assert sink.queued == 0.0
    assert sink.put(1_600) == 0
    assert sink.queued == pytest.approx(0.1)
    assert not sink.wait_below(0.02, 0.05)
    assert sink.wait_below(0.02, 1.0)
    assert fake_time.now == pytest.approx(100.08)
    assert sink.wait_below(0.5, 0.0)


def test_a_sink_tells_the_gap_before_what_comes_late(fake_time) -> None:
    sink = Sink(16_000, fake_time.clock, fake_time.sleep)
    sink.put(1_600)
    fake_time.now += 0.35
    assert sink.put(1_600) == 4_000
    assert sink.underruns == 1
    assert sink.queued == pytest.approx(0.1)
    assert sink.put(1_600) == 0
    assert sink.underruns == 1
