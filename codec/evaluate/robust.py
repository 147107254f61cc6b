"""What a model makes of sounds a call is not made for, and of an hour without a pause.

A model must not answer with numbers that are none, with a roar, or with a decoder that has lost its
way for the speech that comes next. `stress` tells of each abuse (`codec.evaluate.abuse`):

- `finite`: whether every sample that came out was a number.
- `peak`, `pinned`: the answer's loudest sample, and the share of samples at full scale, where a
  wave that wanted to go past it was held.
- `gain`: loudness out over loudness in, in dB; of silence, what came out in dB of full scale.
- `burst`: how far, in dB, the loudest 20 ms of the output stand over the loudest 20 ms of the input
  within 120 ms, taken as −50 dBFS at least: a roar out of nothing.
- `harm`: by how much the log-spectral distance of speech right after the abuse is worse than that
  of the same speech in a fresh stream, in dB; and `harm_stoi`, by how much its STOI is lower (NaN
  where pystoi is not installed). `strays` is the distance, in dB, of the one from the other: far
  from 0 where a decoder got stuck, even one whose wrong answers lie no further from the speech.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import soxr
import torch

from codec.evaluate.abuse import ABUSES, Sound
from codec.evaluate.measures import RATE, lsd, stoi
from codec.model.codec import Codec
from codec.model.state import state_bytes
from codec.spec import CHUNK_SAMPLES, INPUT_RATE
from codec.stream import StreamDecoder, StreamEncoder

FULL_SCALE = 0.9999
FRAME = RATE // 50
NEAR_FRAMES = 6
"""How many frames of 20 ms around it may account for a loud one that came out."""
FLOOR_DBFS = -50.0
"""Softer than this, sound is a room's: nobody calls it a burst."""

BLOCK_CHUNKS = 125
"""Chunks coded at once on a long stream: 10 s. The state is carried, so the numbers are the
stream's own."""


@dataclass(frozen=True)
class Stress:
    """What came of one abuse; see the module for what each figure says."""

    name: str
    finite: bool
    peak: float
    pinned: float
    gain: float
    burst: float
    harm: float
    harm_stoi: float
    strays: float


@dataclass(frozen=True)
class Endurance:
    """The first and the last lap of a long stream of the same clips.

    `codes_changed` is the share of codes in the last lap that differ from the second's, whose
    beginning, unlike the first's, had the same sound before it; `drift` is the largest difference
    of a sample between those laps. Distances and STOI are to the original; NaN without pystoi.
    """

    minutes: float
    laps: int
    finite: bool
    lsd_first: float
    lsd_last: float
    stoi_first: float
    stoi_last: float
    codes_changed: float
    drift: float
    state_bytes_first: int
    state_bytes_last: int


def streamed(codec: Codec, sig: Sound) -> Sound:
    """Speech through a fresh encoder and decoder, 80 ms at a time, at 16 kHz.

    What comes back is as long as the whole chunks of what went in, and not late.
    """
    encoder, decoder = StreamEncoder(codec), StreamDecoder(codec)
    chunks = _whole_chunks(sig).reshape(-1, CHUNK_SAMPLES)
    tail = -(-codec.spec.delay_samples // codec.spec.chunk_output_samples)
    chunks = np.concatenate([chunks, np.zeros((tail, CHUNK_SAMPLES), np.float32)])
    out = np.concatenate([decoder.step(encoder.step(chunk)) for chunk in chunks])
    return _on_time(codec, out)[: (len(chunks) - tail) * CHUNK_SAMPLES]


def stress(codec: Codec, speech: Sound, names: Sequence[str] = tuple(ABUSES)) -> Iterator[Stress]:
    """Each abuse made of a clip (mono float32 at 16 kHz, a second at least), then the clip."""
    speech = _whole_chunks(speech)
    fresh = streamed(codec, speech)
    for name in names:
        abuse = _whole_chunks(ABUSES[name](speech))
        out = streamed(codec, np.concatenate([abuse, speech]))
        answer, after = out[: len(abuse)], out[len(abuse) :]
        yield Stress(
            name,
            bool(np.isfinite(out).all()),
            float(np.abs(answer).max()),
            float(np.mean(np.abs(answer) >= FULL_SCALE)),
            _gain(abuse, answer),
            burst(abuse, answer),
            lsd(speech, after) - lsd(speech, fresh),
            _stoi(speech, fresh) - _stoi(speech, after),
            lsd(fresh, after),
        )


def burst(sound: Sound, answer: Sound) -> float:
    """How far the answer's 20 ms frames stand over the sound's nearby ones, in dB, at worst."""
    heard, said = _levels(answer), np.maximum(_levels(sound), FLOOR_DBFS)
    padded = np.pad(said, NEAR_FRAMES, constant_values=FLOOR_DBFS)
    nearby = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEAR_FRAMES + 1).max(axis=1)
    count = min(len(heard), len(nearby))
    return float(np.max(heard[:count] - nearby[:count], initial=-np.inf))


def endure(codec: Codec, clips: Sequence[Sound], minutes: float) -> Endurance:
    """Clips in a ring for so many minutes, three laps at least, as one stream."""
    lap = np.concatenate([_whole_chunks(clip) for clip in clips])
    laps = max(3, round(minutes * 60 * RATE / len(lap)))
    blocks = np.split(
        lap, range(BLOCK_CHUNKS * CHUNK_SAMPLES, len(lap), BLOCK_CHUNKS * CHUNK_SAMPLES)
    )
    kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    sizes: list[int] = []
    finite, encoder, decoder = True, None, None
    for number in range(laps):
        codes, waves = [], []
        for block in blocks:
            with torch.inference_mode():
                made, encoder = codec.encode(torch.from_numpy(block)[None], encoder)
                wave, decoder = codec.decode(made, decoder)
            codes.append(made[0].numpy())
            waves.append(wave[0].float().numpy())
            sizes.append(state_bytes(encoder) + state_bytes(decoder))
        finite = finite and all(np.isfinite(wave).all() for wave in waves)
        if number in (0, 1, laps - 1):
            kept[number] = (np.concatenate(codes), np.concatenate(waves))
    first, second, last = (kept[number] for number in (0, 1, laps - 1))
    early, late = (_on_time(codec, wave) for _, wave in (first, last))
    return Endurance(
        minutes=laps * len(lap) / RATE / 60,
        laps=laps,
        finite=finite,
        lsd_first=lsd(lap, early),
        lsd_last=lsd(lap, late),
        stoi_first=_stoi(lap, early),
        stoi_last=_stoi(lap, late),
        codes_changed=float(np.mean(second[0] != last[0])),
        drift=float(np.abs(second[1] - last[1]).max()),
        state_bytes_first=sizes[0],
        state_bytes_last=sizes[-1],
    )


def stress_table(results: Sequence[tuple[str, Stress]]) -> list[list[str]]:
    """Head and body: of each abuse the worst over the clips, and how many clips there were."""
    head = ["sound", "clips", "numbers", "peak", "at full scale", "gain, dB", "burst, dB"]
    head += ["harm to what follows: LSD, dB", "STOI", "strays, dB"]
    body = []
    for name in dict.fromkeys(result.name for _, result in results):
        of = [result for _, result in results if result.name == name]
        body.append(
            [
                name,
                str(len(of)),
                "all" if all(result.finite for result in of) else "NOT ALL",
                f"{max(result.peak for result in of):.2f}",
                f"{max(result.pinned for result in of):.2%}",
                f"{min(result.gain for result in of):.1f} to {max(r.gain for r in of):.1f}",
                f"{max(result.burst for result in of):.1f}",
                f"{max(result.harm for result in of):+.2f}",
                f"{max(result.harm_stoi for result in of):+.3f}",
                f"{max(result.strays for result in of):.2f}",
            ]
        )
    return [head, *body]


def endurance_lines(found: Endurance) -> list[str]:
    """The long stream in words."""
    return [
        f"{found.minutes:.1f} minutes, {found.laps} laps of the same clips; "
        f"{'all' if found.finite else 'NOT ALL'} samples were numbers",
        f"LSD    {found.lsd_first:.3f} dB in the first lap, {found.lsd_last:.3f} in the last",
        f"STOI   {found.stoi_first:.4f} in the first lap, {found.stoi_last:.4f} in the last",
        f"codes  {found.codes_changed:.4%} changed between the second lap and the last; "
        f"samples by {found.drift:.2g} at most",
        f"state  {found.state_bytes_first} bytes at first, {found.state_bytes_last} at last",
    ]


def _whole_chunks(sig: Sound) -> Sound:
    return sig[: len(sig) // CHUNK_SAMPLES * CHUNK_SAMPLES].astype(np.float32)


def _on_time(codec: Codec, out: Sound) -> Sound:
    """Decoded sound at 16 kHz without the codec's lag."""
    return soxr.resample(out[codec.spec.delay_samples :], codec.spec.output_rate, INPUT_RATE)


def _levels(sig: Sound) -> np.ndarray:
    """(samples,) -> RMS of each 20 ms in dBFS."""
    frames = sig[: len(sig) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    return 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)


def _gain(sound: Sound, answer: Sound) -> float:
    said, heard = (np.mean(np.square(sig, dtype=np.float64)) for sig in (sound, answer))
    return float(10 * np.log10((heard + 1e-12) / (said if said > 0 else 1.0)))


def _stoi(original: Sound, decoded: Sound) -> float:
    if importlib.util.find_spec("pystoi") is None:
        return float("nan")
    return stoi(original, decoded)
