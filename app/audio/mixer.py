"""Several speakers, and sounds of the app's own, as one stream for one loudspeaker.

Each speaker has a track: sound that waits to be mixed, a volume, a meter. Whoever fills the tracks
decides how far ahead; here they are only added up, sample by sample.
"""

from __future__ import annotations

import threading
from collections import deque

import numpy as np
from numpy.typing import NDArray

from app.audio.backend import SPEECH_RATE
from app.audio.level import LevelMeter
from app.audio.limiter import Limiter
from app.audio.resample import Resampler

Pcm = NDArray[np.float32]

MOST_VOLUME = 4.0
"""12 dB: a whisperer beside one who shouts."""


class Track:
    """One speaker's sound at `rate` Hz, not yet mixed. One thread writes and takes.

    `volume` (0 to MOST_VOLUME) and `silenced` may be set by any thread, and glide in over the next
    block, so that turning a knob does not click.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._blocks: deque[Pcm] = deque()
        self._samples = 0
        self._gain = 1.0
        self._meter = LevelMeter(rate)
        self.volume = 1.0
        self.silenced = False

    @property
    def samples(self) -> int:
        """How many samples wait."""
        return self._samples

    @property
    def seconds(self) -> float:
        """How much sound waits."""
        return self._samples / self._rate

    @property
    def level(self) -> float:
        """How loud the speaker is, in dBFS, whatever the volume here."""
        return self._meter.rms

    def write(self, pcm: Pcm) -> None:
        """Add sound, shape (n,)."""
        self._blocks.append(pcm)
        self._samples += len(pcm)

    def take(self, samples: int) -> Pcm:
        """The next samples at their volume, shape (samples,); zeros where there are no more."""
        parts, missing = [], samples
        while missing and self._blocks:
            block = self._blocks.popleft()
            if len(block) > missing:
                self._blocks.appendleft(block[missing:])
                block = block[:missing]
            parts.append(block)
            missing -= len(block)
        self._samples -= samples - missing
        pcm = np.concatenate([*parts, np.zeros(missing, np.float32)])
        self._meter.update(pcm)
        return self._at_volume(pcm)

    def _at_volume(self, pcm: Pcm) -> Pcm:
        gain = 0.0 if self.silenced else min(max(self.volume, 0.0), MOST_VOLUME)
        before, self._gain = self._gain, gain
        if before == gain == 1.0:
            return pcm
        return pcm * np.linspace(before, gain, len(pcm), dtype=np.float32)


class Mixer:
    """Adds tracks up, at `rate` Hz. All but `cue`, `add` and `remove` are for one thread."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._tracks: tuple[Track, ...] = ()
        self._cues: tuple[Track, ...] = ()
        self._limiter = Limiter(rate)

    def add(self) -> Track:
        """A new speaker's track."""
        track = Track(self._rate)
        with self._lock:
            self._tracks = (*self._tracks, track)
        return track

    def remove(self, track: Track) -> None:
        """Forget a speaker, with what was not mixed yet."""
        with self._lock:
            self._tracks = tuple(each for each in self._tracks if each is not track)

    def cue(self, pcm: Pcm) -> None:
        """Play a short sound of the app's own on top: float32 of shape (n,) at 16 kHz."""
        resampler = Resampler(SPEECH_RATE, self._rate)
        track = Track(self._rate)
        track.write(np.concatenate([resampler.push(pcm), resampler.flush()]))
        with self._lock:
            self._cues = (*self._cues, track)

    @property
    def ready(self) -> int:
        """How many samples can be mixed with nobody who has some left falling short; 0: nobody has.

        Those who have nothing are taken to be silent.
        """
        waiting = [track.samples for track in (*self._tracks, *self._cues) if track.samples]
        return min(waiting, default=0)

    def mix(self, samples: int) -> Pcm:
        """The next samples, shape (samples,), within ±1."""
        tracks, cues = self._tracks, self._cues
        total = np.zeros(samples, np.float32)
        for track in (*tracks, *cues):
            total += track.take(samples)
        if any(not cue.samples for cue in cues):
            with self._lock:
                self._cues = tuple(cue for cue in self._cues if cue.samples)
        return self._limiter.step(total)
