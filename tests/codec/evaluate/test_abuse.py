from __future__ import annotations

import numpy as np
import pytest

from codec.evaluate.abuse import ABUSES, QUIET_DBFS


def voice(peak: float = 0.3) -> np.ndarray:
    t = np.arange(3 * 16_000) / 16_000
    return (peak * np.sin(2 * np.pi * 200 * t)).astype(np.float32)


def rms_db(sig: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(sig.astype(np.float64) ** 2)))


@pytest.mark.parametrize("name", ABUSES)
def test_each_is_sound_within_full_scale_and_the_same_each_time(name):
    for speech in (voice(), np.zeros(16_000, np.float32)):
        made = ABUSES[name](speech)
        assert made.dtype == np.float32
        assert np.isfinite(made).all()
        assert np.abs(made).max() <= 1.0
        assert np.array_equal(made, ABUSES[name](speech))


def test_each_is_what_it_is_called():
    assert not ABUSES["digital silence"](voice()).any()
    assert len(ABUSES["10 s of silence"](voice())) == 160_000
    assert np.mean(np.abs(ABUSES["speech clipped at +20 dB"](voice())) == 1.0) > 0.8
    assert rms_db(ABUSES["speech at −50 dBFS"](voice())) == pytest.approx(QUIET_DBFS, abs=0.01)
    assert ABUSES["speech with an offset of 0.3"](voice()).mean() == pytest.approx(0.3, abs=0.01)
    steps = ABUSES["speech with jumps of gain"](voice())
    assert rms_db(steps[:11_000]) - rms_db(steps[11_300:22_000]) == pytest.approx(36, abs=0.5)


def test_white_noise_is_flat_and_pink_falls():
    for name, fall in (("white noise, full scale", 0.0), ("pink noise, full scale", 12.0)):
        made = ABUSES[name](voice())
        assert np.abs(made).max() == pytest.approx(1.0)
        power = np.abs(np.fft.rfft(made)) ** 2
        hz = np.arange(len(power)) * 16_000 / len(made)
        low, high = (power[(hz > f) & (hz < 2 * f)].mean() for f in (200, 3200))
        assert 10 * np.log10(low / high) == pytest.approx(fall, abs=1.0)
