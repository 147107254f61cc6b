from __future__ import annotations

import numpy as np
import pytest

from benchmarks import quality

HEAD = ["codec", "kbit/s", "corpus", "clips", "STOI", "similarity", "DNSMOS", "dWER (Parrot)"]
ROWS = [
    ["Undertone", "0.80", "ls", "2", "0.85", "0.86", "2.6", "0.16 (n=2)"],
    ["Codec 2 700C", "0.70", "ls", "2", "0.74", "0.72", "2.7", "–"],
    ["Opus 6", "6.00", "cv", "2", "0.91", "0.90", "2.9", "0.07 (n=2)"],
    ["original", "256.00", "ls", "2", "1.0", "1.0", "3.2", "0.000 (n=2)"],
]


def test_a_model_is_measured_at_each_of_its_rates(monkeypatch):
    from tests import models

    codec = models.small_codec()
    monkeypatch.setattr(quality, "load", lambda name: codec)
    monkeypatch.setattr(codec, "rates", (11, 12, 16))
    rates = [subject.kbps for subject in quality.ours("bundled")]
    assert rates == [0.8, 0.6, 0.55]
    assert {subject.name for subject in quality.ours("some/folder")} == {"Undertone folder"}


def test_a_picture_is_of_one_corpus_and_needs_no_ground(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib (extra “pictures”) is not installed")
    from matplotlib.colors import to_rgb
    from matplotlib.image import imread

    quality.draw([HEAD, *ROWS], "ls", tmp_path / "new" / "q.png")
    seen = imread(tmp_path / "new" / "q.png")
    assert seen[0, 0, 3] == 0.0

    def drawn(family: str) -> bool:
        near = np.abs(seen[..., :3] - to_rgb(quality.COLOURS[family])).max(axis=2) < 0.02
        return bool((near & (seen[..., 3] > 0.99)).any())

    assert drawn("Undertone")
    assert drawn("Codec 2")
    assert not drawn("Opus")


def test_a_corpus_that_was_not_measured_is_told(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib (extra “pictures”) is not installed")
    with pytest.raises(SystemExit, match="none"):
        quality.draw([HEAD, *ROWS], "none", tmp_path / "q.png")
