"""The short sounds that say what happens in a call, for whoever does not look at the window."""

from __future__ import annotations

import enum
from functools import cache
from importlib import resources

import numpy as np
import soundfile
import soxr


class Cue(enum.Enum):
    """What happened; the value names the file in assets/sounds."""

    JOINED = "joined"
    LEFT = "left"
    MUTED = "muted"
    UNMUTED = "unmuted"
    RECONNECTING = "reconnecting"
    BACK = "back"
    MESSAGE = "message"


@cache
def cue_pcm(cue: Cue, rate: int) -> np.ndarray:
    """The sound of a cue: mono float32 at `rate` Hz, not to be written to."""
    with resources.files("assets").joinpath(f"sounds/{cue.value}.flac").open("rb") as file:
        pcm, own_rate = soundfile.read(file, dtype="float32")
    if own_rate != rate:
        pcm = soxr.resample(pcm, own_rate, rate)
    pcm.flags.writeable = False
    return pcm
