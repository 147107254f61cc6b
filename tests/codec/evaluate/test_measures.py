from __future__ import annotations

import numpy as np
import pytest

from codec.evaluate import measures
from codec.evaluate.measures import METRICS, MeasureMissing, aligned, lsd, needs

RATE = 16_000


def speechlike(seed: int = 0) -> np.ndarray:
    """Noise in bursts, as loud and as long as syllables."""
    random = np.random.default_rng(seed)
    loudness = np.repeat(random.uniform(0, 1, 20) ** 2, RATE // 8)
    return (0.2 * loudness * random.standard_normal(len(loudness))).astype(np.float32)


def test_a_late_or_early_clip_is_put_in_its_place():
    sig = speechlike()
    for shift in (-480, 0, 320, 1280):
        moved = aligned(sig, np.roll(sig, shift))
        assert np.corrcoef(moved, sig)[0, 1] > 0.99


def test_spectra_alike_are_near_and_different_ones_far():
    sig = speechlike()
    assert lsd(sig, sig) == 0.0
    assert 0.0 < lsd(sig, 0.5 * sig) < lsd(sig, speechlike(1)) < 60.0
    assert lsd(sig, np.zeros_like(sig)) > 20.0


def test_a_measure_that_is_not_installed_is_told(monkeypatch):
    with pytest.raises(MeasureMissing, match="no_such_module"):
        needs("no_such_module")
    monkeypatch.setattr(measures.importlib.util, "find_spec", lambda name: None)
    measures._voice_encoder.cache_clear()
    measures._pitch_detector.cache_clear()
    for metric in METRICS.values():
        if metric.measure is not lsd:
            with pytest.raises(MeasureMissing, match="extra"):
                metric.measure(speechlike(), speechlike())
