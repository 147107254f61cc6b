"""Speech as it comes from worse microphones, rooms and streets, and from higher and lower voices.

Of each crop two waves are made: `heard`, what the encoder gets, and `wanted`, what the decoder is
to give. They differ in room and noise only, of which less is wanted than is heard: the codes have
no bits to spare for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

RATE = 16_000


@dataclass(frozen=True)
class Augmentation:
    """How often each thing is done to a crop (0 to 1), and how much at most.

    `speed` is the largest change of speed and pitch together, as of a tape; `equaliser_db` the
    largest gain of a band; `noise_db` the range of speech over noise; `gain_db` the range of the
    gain, which every crop gets. `kept_room` and `kept_noise` are the parts of room and noise that
    are wanted in the output.
    """

    speed_share: float = 0.0
    speed: float = 0.15
    equaliser_share: float = 0.0
    equaliser_db: float = 8.0
    telephone_share: float = 0.0
    room_share: float = 0.0
    kept_room: float = 0.5
    noise_share: float = 0.0
    noise_db: tuple[float, float] = (5.0, 30.0)
    kept_noise: float = 0.3
    pause_share: float = 0.0
    gain_db: tuple[float, float] = (-15.0, 6.0)

    def stretch(self, random: np.random.Generator) -> float:
        """How many times as long a crop shall be cut as it will be played: 1, or by `speed`."""
        if random.random() >= self.speed_share:
            return 1.0
        return float(np.exp(random.uniform(-1, 1) * np.log1p(self.speed)))

    def __call__(self, waves: Tensor, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(batch, samples) clean speech -> heard and wanted, each within ±1."""
        spectrum = torch.fft.rfft(waves)
        if self.equaliser_share:
            spectrum = spectrum * self._equaliser(spectrum.shape, random)
        if self.telephone_share:
            spectrum = spectrum * self._telephone(spectrum.shape, random)
        dry = torch.fft.irfft(spectrum, n=waves.shape[1])
        room = self._room(spectrum, waves.shape[1], random) if self.room_share else 0.0
        noise = self._noise(dry, random) if self.noise_share else 0.0
        heard = dry + room + noise
        wanted = dry + self.kept_room * room + self.kept_noise * noise
        gain = 10 ** (_uniform(random, *self.gain_db, len(waves)) / 20)
        if self.pause_share:
            gain = gain * self._pause(waves.shape, random)
        return (heard * gain).clamp(-1, 1), (wanted * gain).clamp(-1, 1)

    def _chosen(self, share: float, count: int, random: np.random.Generator) -> Tensor:
        return torch.from_numpy(random.random((count, 1)) < share).float()

    def _equaliser(self, shape: torch.Size, random: np.random.Generator) -> Tensor:
        """A smooth random gain over six points of the spectrum, in some crops."""
        points = _uniform(random, -self.equaliser_db, self.equaliser_db, shape[0], 6)
        points = points * self._chosen(self.equaliser_share, shape[0], random)
        bins = torch.nn.functional.interpolate(
            points[:, None], shape[1], mode="linear", align_corners=True
        )
        return 10 ** (bins[:, 0] / 20)

    def _telephone(self, shape: torch.Size, random: np.random.Generator) -> Tensor:
        """Some crops from 300 to 3400 Hz only, with slopes a hundred hertz wide."""
        hertz = torch.arange(shape[1]) * (RATE / 2 / (shape[1] - 1))
        band = torch.sigmoid((hertz - 300) / 25) * torch.sigmoid((3400 - hertz) / 25)
        chosen = self._chosen(self.telephone_share, shape[0], random)
        return 1 - chosen * (1 - band)

    def _room(self, spectrum: Tensor, samples: int, random: np.random.Generator) -> Tensor:
        """The reverberation alone: speech through exponentially decaying noise (T60 .15–.6 s)."""
        count = spectrum.shape[0]
        decay = 6.9 / (_uniform(random, 0.15, 0.6, count) * RATE)
        tail = torch.exp(-decay * torch.arange(samples)) * _normal(random, count, samples)
        tail[:, :32] = 0.0
        tail = tail / torch.linalg.vector_norm(tail, dim=1, keepdim=True)
        level = 10 ** (_uniform(random, -15.0, -1.0, count) / 20)
        wet = torch.fft.irfft(spectrum * torch.fft.rfft(tail), n=samples)
        return wet * level * self._chosen(self.room_share, count, random)

    def _noise(self, speech: Tensor, random: np.random.Generator) -> Tensor:
        """Coloured noise or other people's speech at a random distance below the speech."""
        count, samples = speech.shape
        white = torch.fft.rfft(_normal(random, count, samples))
        slope = _uniform(random, -1.2, 0.2, count)
        coloured = torch.fft.irfft(white * torch.arange(1, white.shape[1] + 1) ** slope, n=samples)
        babble = speech.roll(1, 0) + speech.roll(2, 0).flip(1) + speech.roll(3, 0)
        others = self._chosen(0.3, count, random)
        noise = others * _levelled(babble) + (1 - others) * _levelled(coloured)
        below = 10 ** (-_uniform(random, *self.noise_db, count) / 20)
        loudness = speech.square().mean(1, keepdim=True).sqrt()
        return noise * loudness * below * self._chosen(self.noise_share, count, random)

    def _pause(self, shape: torch.Size, random: np.random.Generator) -> Tensor:
        """1, but digital silence up to a random point of some crops."""
        count, samples = shape
        until = _uniform(random, 0.1, 0.8, count) * samples
        until = until * self._chosen(self.pause_share, count, random)
        return (torch.arange(samples) >= until).float()


def stretched(wave: Tensor, samples: int) -> Tensor:
    """(n,) -> (samples,): the same speech faster and higher, or slower and lower."""
    spectrum = torch.fft.rfft(wave)
    return torch.fft.irfft(spectrum[: samples // 2 + 1], n=samples) * (samples / len(wave))


def _levelled(sig: Tensor) -> Tensor:
    return sig / sig.square().mean(1, keepdim=True).sqrt().clamp_min(1e-5)


def _uniform(random: np.random.Generator, low: float, high: float, *shape: int) -> Tensor:
    shape = shape if len(shape) > 1 else (*shape, 1)
    return torch.from_numpy(random.uniform(low, high, shape).astype(np.float32))


def _normal(random: np.random.Generator, *shape: int) -> Tensor:
    return torch.from_numpy(random.standard_normal(shape, dtype=np.float32))
