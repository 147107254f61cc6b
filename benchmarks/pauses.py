"""What a pause that was not sent does to the speech after it, with the bundled model.

    python -m benchmarks.pauses [--model NAME] CLIPS…

Each clip's first 12 s at half scale, then 3 s of pause and its first 4 s again, under a noise of
-54 dBFS, go through the encoder; the app's voice activity says what is sent, and one decoder hears
only that. Printed is the mean log-spectral distance, in dB over frames of 20 ms, of the first three
chunks after each pause from what a decoder makes of them that heard everything: for a decoder that
goes on from its state before the pause, and for one that begins anew.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from numpy.typing import NDArray

from app.audio.voice_activity import VoiceActivity
from codec.evaluate.table import read_clip
from codec.model.codec import Codec
from codec.spec import CHUNK_SAMPLES, INPUT_RATE
from codec.stream import StreamDecoder, StreamEncoder
from codec.weights import load

CHUNKS = 3
Wave = NDArray[np.float32]


def spectra(pcm: Wave) -> Wave:
    """(frames, bins) in dB."""
    padded = np.concatenate([np.zeros(160, np.float32), pcm, np.zeros(160, np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, 320)[::160] * np.hanning(320)
    return 20 * np.log10(np.abs(np.fft.rfft(frames, axis=1)) + 1e-3)


def distance(one: Wave, other: Wave) -> float:
    """Log-spectral distance in dB, the mean over frames."""
    return float(np.sqrt(((spectra(one) - spectra(other)) ** 2).mean(axis=1)).mean())


def with_pause(clip: Wave, seed: int) -> Wave:
    """A clip with a pause in it and noise under it."""
    clip = clip[: 12 * INPUT_RATE] / max(float(np.abs(clip).max()), 1e-6) * 0.5
    pause = np.zeros(3 * INPUT_RATE, np.float32)
    pcm = np.concatenate([clip, pause, clip[: 4 * INPUT_RATE]])
    noise = 0.002 * np.random.default_rng(seed).standard_normal(len(pcm))
    return (pcm + noise).astype(np.float32)


def distances(codec: Codec, pcm: Wave, *, anew: bool) -> list[tuple[int, float]]:
    """(chunks since the pause, distance from what a decoder makes that heard the pause)."""
    encoder, activity = StreamEncoder(codec), VoiceActivity()
    starts = range(0, len(pcm) - CHUNK_SAMPLES + 1, CHUNK_SAMPLES)
    chunks = [pcm[start : start + CHUNK_SAMPLES] for start in starts]
    speech = [activity.step(chunk) for chunk in chunks]
    whole, decoder = StreamDecoder(codec), StreamDecoder(codec)
    found, since = [], CHUNKS
    for chunk, now, soon in zip(chunks, speech, [*speech[1:], False], strict=True):
        codes = encoder.step(chunk)
        heard = whole.step(codes)
        if not (now or soon):
            since = 0
            continue
        if since == 0 and anew:
            decoder.reset()
        played = decoder.step(codes)
        if since < CHUNKS:
            found.append((since, distance(heard, played)))
        since += 1
    return found


def main() -> None:
    """Print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--model", default="bundled")
    options = parser.parse_args()
    torch.set_num_threads(1)
    codec = load(options.model)
    waves = [with_pause(read_clip(clip), seed) for seed, clip in enumerate(options.clips)]
    for anew, name in ((False, "goes on"), (True, "begins anew")):
        found = [each for pcm in waves for each in distances(codec, pcm, anew=anew)]
        by_chunk = [[far for since, far in found if since == index] for index in range(CHUNKS)]
        means = ", ".join(f"{np.mean(each):.2f}" for each in by_chunk if each)
        print(f"a decoder that {name}: {means} dB (pauses: {len(by_chunk[0])})")


if __name__ == "__main__":
    main()
