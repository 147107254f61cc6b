"""The short sounds of assets/sounds."""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
import soundfile
import soxr

from app.core.cues import Cue


@cache
def cue_pcm(cue: Cue, rate: int) -> np.ndarray:
    """The sound of a cue: mono float32 at `rate` Hz, not to be written to."""
    with resources.files("assets").joinpath(f"sounds/{cue.value}.flac").open("rb") as file:
        pcm, own_rate = soundfile.read(file, dtype="float32")
    if own_rate != rate:
        pcm = soxr.resample(pcm, own_rate, rate)
    pcm.flags.writeable = False
    return pcm
