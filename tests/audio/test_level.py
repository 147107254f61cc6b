from __future__ import annotations

import numpy as np
import pytest

from app.audio.level import FLOOR, LevelMeter, dbfs


def sine(amplitude: float, count: int = 1600) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * np.arange(count) / 16)).astype(np.float32)


def test_decibels_are_relative_to_full_scale_and_have_a_floor() -> None:
    assert dbfs(1.0) == 0.0
    assert dbfs(0.1) == pytest.approx(-20.0)
    assert dbfs(0.0) == FLOOR
    assert dbfs(1e-30) == FLOOR


def test_a_sine_reads_three_decibels_below_its_peak(fake_time) -> None:
    meter = LevelMeter(16_000, clock=fake_time.clock)
    meter.update(sine(0.5))
    assert meter.peak == pytest.approx(-6.02, abs=0.05)
    assert meter.rms == pytest.approx(-9.03, abs=0.05)


def test_it_rises_at_once_and_falls_by_the_clock(fake_time) -> None:
    meter = LevelMeter(16_000, decay=20.0, clock=fake_time.clock)
    meter.update(sine(1.0))
    loud = meter.rms
    fake_time.now += 0.5
    meter.update(np.zeros(160, np.float32))
    assert meter.rms == pytest.approx(loud - 10.0, abs=0.01)
    fake_time.now += 0.5  # even if nothing comes any more
    assert meter.rms == pytest.approx(loud - 20.0, abs=0.01)
    meter.update(sine(1.0))
    assert meter.rms == pytest.approx(loud, abs=0.01)
    fake_time.now += 60.0
    assert meter.rms == FLOOR


def test_exact_zeros_are_counted_until_a_sound_comes(fake_time) -> None:
    meter = LevelMeter(16_000, clock=fake_time.clock)
    for _ in range(3):
        meter.update(np.zeros(8_000, np.float32))
    assert meter.zero_seconds == 1.5
    meter.update(np.full(10, 1e-5, np.float32))
    assert meter.zero_seconds == 0.0


def test_an_empty_block_changes_nothing(fake_time) -> None:
    meter = LevelMeter(16_000, clock=fake_time.clock)
    meter.update(np.zeros(0, np.float32))
    assert meter.rms == FLOOR
