from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from codec.model.codec import Codec
from codec.runtime import pace
from codec.runtime.pace import Pace, known_pace, pace_of
from codec.runtime.packed import packed
from tests.models import small_codec


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pace, "cache_folder", lambda: tmp_path / "runtime")
    return tmp_path / "runtime"


def model(digest: int) -> Codec:
    codec = small_codec()
    codec.spec = replace(codec.spec, digest=digest)
    return packed(codec)


@pytest.mark.parametrize(
    ("encode", "decode", "cores", "keeps_up"),
    [
        (0.026, 0.015, 1, True),
        (0.060, 0.060, 2, True),
        (0.060, 0.060, 1, False),
        (0.070, 0.010, 4, False),
        (0.010, 0.070, 4, False),
    ],
)
def test_each_direction_has_a_core_where_there_are_two(
    encode: float, decode: float, cores: int, keeps_up: bool
) -> None:
    assert Pace(encode, decode).keeps_up(cores) == keeps_up


def test_a_model_is_measured_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = model(digest=7)
    assert known_pace(codec.spec.model_id, 7) is None
    found = pace_of(codec)
    assert min(found.encode, found.decode) > 0.0
    monkeypatch.setattr(pace, "measured", lambda codec: pytest.fail("measured twice"))
    assert pace_of(codec) == found
    assert known_pace(codec.spec.model_id, 7) == found
    assert known_pace(codec.spec.model_id, 8) is None


def test_a_model_that_cannot_be_told_from_others_is_not_kept(cache: Path) -> None:
    pace_of(model(digest=0))
    assert not cache.exists()
    assert known_pace(1, 0) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"1 00000007 float32 x1": ["soon", 1]}', '{"a": 3}']
)
def test_what_was_kept_is_looked_at(cache: Path, text: str) -> None:
    pace_of(model(digest=7))
    (file,) = cache.iterdir()
    file.write_text(text)
    assert known_pace(1, 7) is None
    assert pace_of(model(digest=7)).seconds > 0.0


def test_the_quickest_precision_tells_what_a_model_can_do(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = Pace(0.2, 0.2), Pace(0.02, 0.01)
    for precision, told in (("float32", slow), ("int8", quick)):
        codec = model(digest=7)
        codec.precision = precision
        monkeypatch.setattr(pace, "measured", lambda codec, told=told: told)
        pace_of(codec)
    assert known_pace(1, 7) == quick
