"""Microphones, loudspeakers and a screen that are not there, and something to say."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from app.demo import bundled_clip
from tests import virtual_audio, virtual_screen


@pytest.fixture
def audio() -> Iterator[virtual_audio.VirtualAudio]:
    """A sound system with devices for Alice and Bob."""
    reason = virtual_audio.missing()
    if reason:
        pytest.skip(reason)
    with (
        tempfile.TemporaryDirectory(prefix="undertone-") as folder,
        virtual_audio.virtual_audio(Path(folder) / "pulse", ["alice", "bob"]) as running,
    ):
        yield running


@pytest.fixture
def screen() -> Iterator[virtual_screen.VirtualScreen]:
    reason = virtual_screen.missing()
    if reason:
        pytest.skip(reason)
    with virtual_screen.virtual_screen() as running:
        yield running


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Six seconds of speech."""
    path = tmp_path / "clip.wav"
    speech, rate = soundfile.read(bundled_clip())
    soundfile.write(path, speech[: 6 * rate], rate)
    return path
