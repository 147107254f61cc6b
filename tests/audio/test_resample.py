from __future__ import annotations

import numpy as np
import pytest

from app.audio.resample import Resampler


def tone(hertz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate).astype(np.float32)


def convert(pcm: np.ndarray, source: int, target: int, blocks: list[int]) -> np.ndarray:
    resampler = Resampler(source, target)
    out, at, turn = [], 0, 0
    while at < len(pcm):
        size = blocks[turn % len(blocks)]
        out.append(resampler.push(pcm[at : at + size]))
        at += size
        turn += 1
    return np.concatenate([*out, resampler.flush()])


PAIRS = [
    (48_000, 16_000),
    (44_100, 16_000),
    (16_000, 48_000),
    (16_000, 44_100),
    (8_000, 16_000),
    (11_025, 16_000),
    (96_000, 16_000),
    (24_000, 16_000),
]
ODD_PAIRS = [(7_999, 16_000), (44_099, 16_000), (16_000, 44_099), (767_999, 16_000)]
"""Without a common divisor, as damaged headers have them."""


@pytest.mark.parametrize(("source", "target"), [*PAIRS, *ODD_PAIRS])
def test_a_tone_keeps_its_pitch_loudness_and_place(source: int, target: int) -> None:
    hertz = 1_000.0
    out = convert(tone(hertz, source), source, target, [source // 100])
    wanted = tone(hertz, target)
    assert abs(len(out) - len(wanted)) <= 2
    middle = slice(len(wanted) // 10, -len(wanted) // 10)
    both = slice(0, min(len(out), len(wanted)))
    assert np.max(np.abs(out[both] - wanted[both])[middle]) < 2e-3


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_the_blocks_do_not_matter(source: int, target: int) -> None:
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(source // 4).astype(np.float32)
    whole = convert(noise, source, target, [len(noise)])
    pieces = convert(noise, source, target, [1, 160, 7, 441, 1000])
    assert len(whole) == len(pieces)
    np.testing.assert_allclose(pieces, whole, atol=1e-5)


@pytest.mark.parametrize("source", [44_100, 48_000, 96_000])
def test_what_is_above_the_new_limit_does_not_fold_back(source: int) -> None:
    out = convert(tone(9_000.0, source), source, 16_000, [480])
    rms = np.sqrt(np.mean(out[1_600:-1_600] ** 2))
    assert rms < 10 ** (-55 / 20)


def test_speech_band_passes_flat() -> None:
    for hertz in (100.0, 3_000.0, 6_000.0, 6_900.0):
        out = convert(tone(hertz, 48_000), 48_000, 16_000, [480])
        rms = np.sqrt(np.mean(out[1_600:-1_600] ** 2))
        assert 20 * np.log10(rms * np.sqrt(2)) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_it_holds_back_no_more_than_its_delay(source: int, target: int) -> None:
    resampler = Resampler(source, target)
    given = taken = 0
    for _ in range(50):
        given += source // 100
        taken += len(resampler.push(np.zeros(source // 100, np.float32)))
        held = given / source - taken / target
        assert held <= resampler.delay + 1 / target
    assert resampler.delay <= 32.5 / min(source, target)


@pytest.mark.parametrize(("source", "target"), [*PAIRS, *ODD_PAIRS])
def test_the_table_of_phases_stays_small(source: int, target: int) -> None:
    assert Resampler(source, target)._table.nbytes < 4_000_000


def test_equal_rates_pass_through_as_a_copy() -> None:
    pcm = tone(440.0, 16_000)
    resampler = Resampler(16_000, 16_000)
    out = resampler.push(pcm)
    np.testing.assert_array_equal(out, pcm)
    assert out is not pcm
    assert resampler.delay == 0.0
    assert len(resampler.flush()) == 0


def test_rates_must_be_positive() -> None:
    with pytest.raises(ValueError, match="no such sample rates"):
        Resampler(0, 16_000)
