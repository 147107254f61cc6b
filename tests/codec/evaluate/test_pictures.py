from __future__ import annotations

import numpy as np
import pytest

from codec.evaluate import measures, pictures
from codec.evaluate.measures import MeasureMissing

RATE = 16_000


def tone(hz: float, seconds: float = 1.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)


def test_a_tone_is_a_line_at_its_pitch():
    made = pictures.spectrogram(tone(2000))
    assert made.shape == (257, (RATE - 512) // 128 + 1)
    assert (made.argmax(axis=0) == 64).all()
    assert pictures.spectrogram(np.zeros(3)).shape == (257, 1)


def test_a_picture_shows_what_was_lost(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib (extra “pictures”) is not installed")
    from matplotlib.image import imread

    both = tone(1000) + tone(5000)
    pictures.draw(both, {"same": both, "dull": tone(1000)}, tmp_path / "a.png")
    seen = imread(tmp_path / "a.png")[..., :3].sum(axis=2)
    thirds = np.array_split(seen, 3)
    lit = [(third > 1.5).mean() for third in thirds]
    assert seen.shape[0] > 400
    assert thirds[0].std() > 0.1
    assert lit[0] == pytest.approx(lit[1], rel=0.1)


def test_it_says_which_extra_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(measures.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MeasureMissing, match="pictures"):
        pictures.draw(tone(100), {}, tmp_path / "a.png")
