"""Other codecs on the same clips, by their own command-line programs.

Debian has them as `codec2` (c2enc, c2dec) and `opus-tools` (opusenc, opusdec).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import soxr

from codec.evaluate.measures import RATE, MeasureMissing
from codec.evaluate.table import Subject

CODEC2_RATE = 8_000
CODEC2_KBPS = {"450": 0.45, "700C": 0.7, "1200": 1.2, "2400": 2.4, "3200": 3.2}
"""Mode -> kbit/s."""

OPUS_KBPS = (6, 8, 12)
OPUS_FRAME_MS = 60
"""The longest, which spends the least on headers."""


def codec2(mode: str) -> Subject:
    """Codec 2 in one of its modes. Raises MeasureMissing without its programs."""
    _needs("codec2", "c2enc", "c2dec")

    def through(sig: np.ndarray) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            said, coded, heard = (Path(folder) / name for name in ("in.raw", "coded", "out.raw"))
            narrow = soxr.resample(sig, RATE, CODEC2_RATE)
            (np.clip(narrow, -1, 1) * 32767).astype("<i2").tofile(said)
            _run("c2enc", mode, said, coded)
            _run("c2dec", mode, coded, heard)
            made = np.fromfile(heard, "<i2").astype(np.float32) / 32768
        return _as_long(soxr.resample(made, CODEC2_RATE, RATE), len(sig))

    return Subject(f"Codec 2 {mode}", CODEC2_KBPS[mode], through)


def opus(kbps: int) -> Subject:
    """Opus for speech at a bitrate. Raises MeasureMissing without its programs."""
    _needs("opus-tools", "opusenc", "opusdec")

    def through(sig: np.ndarray) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            said, coded, heard = (Path(folder) / name for name in ("in.wav", "c.opus", "out.wav"))
            soundfile.write(said, sig, RATE)
            options = ["--quiet", "--speech", "--bitrate", kbps, "--framesize", OPUS_FRAME_MS]
            _run("opusenc", *options, said, coded)
            _run("opusdec", "--quiet", "--rate", RATE, coded, heard)
            made, _ = soundfile.read(heard, dtype="float32")
        return _as_long(made, len(sig))

    return Subject(f"Opus {kbps}", float(kbps), through)


ORIGINAL_KBPS = RATE * 16 / 1000
"""As 16-bit samples."""


def original() -> Subject:
    """The clip as it is: what the measures say where nothing was lost."""
    return Subject("original", ORIGINAL_KBPS, lambda sig: sig)


PEERS: dict[str, Callable[[], Subject]] = {
    **{f"codec2-{mode}": partial(codec2, mode) for mode in CODEC2_KBPS},
    **{f"opus-{kbps}": partial(opus, kbps) for kbps in OPUS_KBPS},
    "original": original,
}
"""Name on the command line -> what makes the subject."""


def _needs(package: str, *programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise MeasureMissing(
            f"{' and '.join(missing)} cannot be found. Debian has them in the package {package}."
        )


def _run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


def _as_long(sig: np.ndarray, samples: int) -> np.ndarray:
    return np.pad(sig[:samples], (0, max(0, samples - len(sig)))).astype(np.float32)
