from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from benchmarks import precisions
from benchmarks.precisions import Figures, Kept, cells, kept
from codec.runtime.products import available
from tests.models import small_codec


def test_codes_are_counted_over_all_and_by_clip() -> None:
    plain = [np.arange(6), np.arange(2)]
    assert kept(plain, [np.arange(6), np.array([0, 5])]) == Kept(7 / 8, 0.5)


def test_each_precision_of_this_machine_is_measured(tmp_path: Path, monkeypatch) -> None:
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "noise-1.wav", 0.1 * rng.standard_normal(16_000), 16_000)
    monkeypatch.setattr(precisions, "MEASURES", ("lsd",))
    found = precisions.measure(small_codec(), [tmp_path / "noise-1.wav"], [])
    assert [each.precision for each in found] == list(available())
    assert found[0].kept == Kept(1.0, 1.0)
    assert all(0.5 < each.kept.least <= each.kept.mean for each in found)


def test_what_differs_from_float32_is_told() -> None:
    class Parrot:
        name = "Parrot"

    first = Figures("float32", Kept(1.0, 1.0), (0.8, 0.9), ((10, 100),))
    other = Figures("int8", Kept(0.99, 0.97), (0.792, 0.9), ((12, 100),))
    _, _, row = cells([first, other], [Parrot()])  # type: ignore[list-item]
    assert row == [
        "int8",
        "99.00%",
        "97.0%",
        "0.7920 (-1.00%)",
        "0.9000 (+0.00%)",
        "12 of 100 (+2.0% of the words)",
    ]
