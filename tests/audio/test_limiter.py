from __future__ import annotations

import numpy as np
import pytest

from app.audio.limiter import RELEASE_SECONDS, Limiter

RATE = 16_000


def in_blocks(limiter: Limiter, pcm: np.ndarray, block: int = 320) -> np.ndarray:
    return np.concatenate([limiter.step(pcm[at : at + block]) for at in range(0, len(pcm), block)])


def tone(seconds: float, amplitude: float) -> np.ndarray:
    return amplitude * np.sin(np.arange(round(seconds * RATE)) * 0.2).astype(np.float32)


def test_what_fits_passes_untouched() -> None:
    pcm = tone(0.5, 1.0)
    assert np.array_equal(in_blocks(Limiter(RATE), pcm), pcm)


@pytest.mark.parametrize("block", [1, 7, 320, 4000])
@pytest.mark.parametrize("seed", range(5))
def test_nothing_ever_leaves_full_scale(block: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    loudness = np.repeat(random.uniform(0, 8, 40), 200)
    pcm = (random.standard_normal(8000) * loudness).astype(np.float32)
    assert np.abs(in_blocks(Limiter(RATE), pcm, block)).max() <= 1.0


def test_what_is_too_loud_keeps_its_shape() -> None:
    pcm = tone(1.0, 2.5)
    limited = in_blocks(Limiter(RATE), pcm)
    settled = limited[800:]
    assert np.abs(settled).max() > 0.95
    # Clipped to ±1 it would be all but a square wave, and differ from any tone by far more.
    assert np.abs(settled - pcm[800:] / 2.5).max() < 0.05


def test_the_gain_comes_back() -> None:
    limiter = Limiter(RATE)
    in_blocks(limiter, tone(0.2, 4.0))
    quiet = tone(RELEASE_SECONDS * 2, 0.2)
    back = in_blocks(limiter, quiet)
    assert np.abs(back[:320]).max() < 0.1
    assert np.array_equal(back[-1600:], quiet[-1600:])


def test_an_empty_block_is_one() -> None:
    assert len(Limiter(RATE).step(np.zeros(0, np.float32))) == 0
