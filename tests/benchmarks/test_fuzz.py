from __future__ import annotations

import random

import pytest

from benchmarks.fuzz import Target, fuzz, targets


@pytest.mark.parametrize("name", targets(0))
def test_no_decoder_raises_what_has_no_name(name: str) -> None:
    """Some thousands here; `python -m benchmarks.fuzz` does a million each."""
    became, finds = fuzz(targets(2)[name], 3000, random.Random(3))
    assert not finds, f"{finds[0].data.hex()}\n{finds[0].traceback}"
    assert became["read"] > 100
    assert len(became) > 1


def test_what_has_no_name_is_found() -> None:
    def read(data: bytes) -> None:
        data[20]

    became, finds = fuzz(Target(read, KeyError, [bytes(22)]), 100, random.Random(1))
    assert became["not named"] > 0
    assert "IndexError" in finds[0].traceback
