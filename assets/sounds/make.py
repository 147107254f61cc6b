"""Makes the cues in this folder: what is heard when something happens in a call.

    python -m assets.sounds.make

Each is a few struck notes, synthesised here and nowhere recorded, so that they are this project's
own. They peak at −21 dBFS, well below speech, and begin and end at zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

RATE = 48_000
PEAK_DBFS = -21.0
_PARTIALS = ((1.0, 1.0, 1.0), (2.0, 0.22, 0.6), (3.0, 0.1, 0.4), (4.02, 0.04, 0.25))
"""Of a struck bar: multiple of the pitch, strength, and how long it rings beside the first."""


@dataclass(frozen=True)
class Note:
    """A pitch in Hz, when it is struck and how long it rings, in seconds."""

    pitch: float
    at: float
    rings: float = 0.12
    strength: float = 1.0


C4, E4, G4, A4, C5, E5, G5, C6, E6 = (
    440 * 2 ** (n / 12) for n in (-9, -5, -2, 0, 3, 7, 10, 15, 19)
)

CUES = {
    "joined": (Note(C5, 0.0), Note(G5, 0.11, 0.16)),
    "left": (Note(G5, 0.0), Note(C5, 0.11, 0.16)),
    "muted": (Note(E5, 0.0, 0.05), Note(A4, 0.08, 0.07)),
    "unmuted": (Note(A4, 0.0, 0.05), Note(E5, 0.08, 0.07)),
    "reconnecting": (Note(E4, 0.0, 0.1), Note(E4, 0.2, 0.1), Note(C4, 0.4, 0.16)),
    "back": (Note(C5, 0.0, 0.09), Note(E5, 0.09, 0.09), Note(G5, 0.18, 0.16)),
    "message": (Note(C6, 0.0, 0.05, 0.7), Note(E6, 0.07, 0.1, 0.8)),
}


def struck(note: Note, length: int) -> np.ndarray:
    """A note as `length` samples."""
    t = np.arange(length) / RATE - note.at
    sounding = t >= 0
    t = np.maximum(t, 0.0)
    attack = 1 - np.exp(-t / 0.003)
    wave = sum(
        strength * np.exp(-t / (note.rings * lasting)) * np.sin(2 * np.pi * note.pitch * times * t)
        for times, strength, lasting in _PARTIALS
    )
    return note.strength * attack * sounding * wave


def cue(notes: tuple[Note, ...]) -> np.ndarray:
    """All notes together at the level of a cue, faded out to zero."""
    length = round(RATE * max(note.at + 4.5 * note.rings for note in notes))
    wave = sum((struck(note, length) for note in notes), np.zeros(length))
    fade = round(0.02 * RATE)
    wave[-fade:] *= np.cos(np.linspace(0, np.pi / 2, fade)) ** 2
    return wave / np.abs(wave).max() * 10 ** (PEAK_DBFS / 20)


def main() -> None:
    """Write every cue beside this script."""
    for name, notes in CUES.items():
        soundfile.write(Path(__file__).with_name(f"{name}.flac"), cue(notes), RATE, "PCM_16")


if __name__ == "__main__":
    main()
