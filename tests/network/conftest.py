from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.demo import bundled_clip
from tests.network import namespaces
from tests.network.namespaces import Line


@pytest.fixture
def line() -> Iterator[Line]:
    if reason := namespaces.missing():
        pytest.skip(reason)
    with namespaces.line() as joined:
        yield joined


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A minute of speech for each end, the bundled clip again and again."""
    clip, rate = soundfile.read(bundled_clip())
    long = np.tile(clip, 60 * rate // len(clip) + 1)
    files = {}
    for end in ("left", "right"):
        files[end] = tmp_path_factory.mktemp("speech") / "long.wav"
        soundfile.write(files[end], long, rate)
    return files
