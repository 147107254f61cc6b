from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.audio.cues import cue_pcm
from app.core.cues import Cue
from assets.sounds import make

SOUNDS = Path(__file__).parents[2] / "assets" / "sounds"


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
@pytest.mark.parametrize("cue", Cue)
def test_a_cue_is_short_quiet_and_does_not_click(cue: Cue, rate: int) -> None:
    pcm = cue_pcm(cue, rate)
    assert pcm.dtype == np.float32
    assert pcm.ndim == 1
    assert 0.1 < len(pcm) / rate < 1.3
    peak = np.abs(pcm).max()
    assert 0.05 < peak < 0.1
    assert max(abs(pcm[0]), abs(pcm[-1])) < 0.01 * peak


def test_every_cue_sounds_differently() -> None:
    sounds = [cue_pcm(cue, 16_000).tobytes() for cue in Cue]
    assert len(set(sounds)) == len(Cue)


def test_the_sounds_kept_are_those_the_script_makes() -> None:
    assert {cue.value for cue in Cue} == set(make.CUES)
    for name, notes in make.CUES.items():
        kept, rate = soundfile.read(SOUNDS / f"{name}.flac")
        assert rate == make.RATE
        assert kept == pytest.approx(make.cue(notes), abs=2 / 32768)
