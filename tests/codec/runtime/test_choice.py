from __future__ import annotations

from pathlib import Path

import pytest

from codec.runtime import choice
from codec.runtime.choice import chosen, decided, measured
from codec.runtime.products import available

CHUNK = 0.08


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(choice, "cache_folder", lambda: tmp_path / "runtime")
    monkeypatch.setattr(choice, "MEASURED_SHAPE", (96, 64))
    return tmp_path / "runtime"


def speeds(**shares: float) -> dict[str, float]:
    """Of a model of 100 million weights: its products' share of a chunk's duration."""
    return {name.replace("_", " "): share * CHUNK / 100 for name, share in shares.items()}


@pytest.mark.parametrize(
    ("shares", "precision", "threads"),
    [
        ({"float32": 0.2, "float16": 0.1, "int8": 0.05}, "float32", 1),
        ({"float32": 0.5, "float16": 0.24, "int8": 0.1}, "float16", 1),
        ({"float32": 0.9, "float16": 0.5, "int8": 0.3}, "int8", 1),
        ({"float32": 0.9, "bfloat16": 0.2, "int8": 0.6}, "int8", 1),
        ({"float32": 0.9, "int8": 0.3, "int8_x2": 0.28}, "int8", 1),
        ({"float32": 0.9, "int8": 0.3, "int8_x2": 0.2, "int8_x4": 0.12}, "int8", 4),
        ({"float32": 0.9, "int8": 0.3, "int8_x2": 0.2, "int8_x4": 0.19}, "int8", 2),
        ({"float32": 0.2, "int8": 0.1, "int8_x2": 0.01}, "float32", 1),
    ],
)
def test_the_most_exact_that_is_quick_enough(
    shares: dict[str, float], precision: str, threads: int
) -> None:
    found = decided(100_000_000, speeds(**shares))
    assert (found.precision, found.threads) == (precision, threads)


def test_a_smaller_model_can_afford_more() -> None:
    seconds = speeds(float32=0.5, float16=0.3, int8=0.2)
    assert decided(100_000_000, seconds).precision == "int8"
    assert decided(80_000_000, seconds).precision == "float16"
    assert decided(50_000_000, seconds).precision == "float32"


def test_by_hand_any_precision_on_the_threads_that_help_it() -> None:
    seconds = speeds(float32=0.2, bfloat16=0.4, bfloat16_x2=0.2, int8=0.1)
    found = decided(100_000_000, seconds, "bfloat16")
    assert (found.precision, found.threads) == ("bfloat16", 2)
    assert chosen(1_000_000, "int8").precision == "int8"


def test_a_machine_is_measured_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = chosen(249_000_000)
    assert set(available()) <= set(first.seconds)
    assert all(seconds > 0.0 for seconds in first.seconds.values())
    monkeypatch.setattr(choice, "measured", lambda: pytest.fail("measured twice"))
    assert chosen(249_000_000) == first


@pytest.mark.parametrize("text", ["", "[]", "{", '{"float32": "soon"}', '{"int8": -1.0}'])
def test_what_was_kept_is_looked_at(cache: Path, text: str) -> None:
    chosen(249_000_000)
    (file,) = cache.iterdir()
    file.write_text(text)
    assert chosen(249_000_000).seconds.keys() == measured().keys()


def test_a_machine_that_keeps_nothing_still_chooses(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_text("a file where the folder should be")
    assert chosen(249_000_000).precision in available()


def test_few_weights_need_no_measurement(cache: Path) -> None:
    assert chosen(1_000_000).precision == "float32"
    assert not cache.exists()
