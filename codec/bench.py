"""How fast a model codes on this machine, and how much it remembers."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from codec.model.codec import Codec
from codec.spec import CHUNK_SAMPLES, CHUNK_SECONDS, INPUT_RATE
from codec.stream import StreamDecoder, StreamEncoder


@dataclass(frozen=True)
class Timing:
    """Milliseconds a chunk of 80 ms takes."""

    mean_ms: float
    p95_ms: float
    worst_ms: float

    @property
    def real_time_factor(self) -> float:
        """Time taken / time of speech: below 1 keeps up with the speaker."""
        return self.mean_ms / (1000.0 * CHUNK_SECONDS)


@dataclass(frozen=True)
class Bench:
    encode: Timing
    decode: Timing
    encoder_state_bytes: int
    decoder_state_bytes: int
    parameters: int
    threads: int


def bench(codec: Codec, seconds: float, threads: int) -> Bench:
    """Stream `seconds` of a made-up signal through the codec, chunk by chunk, after a warm-up."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        encoder, decoder = StreamEncoder(codec), StreamDecoder(codec)
        encoder.warm_up()
        decoder.warm_up()
        encode_ms: list[float] = []
        decode_ms: list[float] = []
        for chunk in _signal(seconds).reshape(-1, CHUNK_SAMPLES):
            start = time.perf_counter()
            codes = encoder.step(chunk)
            middle = time.perf_counter()
            decoder.step(codes)
            encode_ms.append(1000.0 * (middle - start))
            decode_ms.append(1000.0 * (time.perf_counter() - middle))
    finally:
        torch.set_num_threads(before)
    return Bench(
        _timing(encode_ms),
        _timing(decode_ms),
        encoder.state_bytes(),
        decoder.state_bytes(),
        sum(parameter.numel() for parameter in codec.parameters()),
        threads,
    )


def _signal(seconds: float) -> np.ndarray:
    """Noise whose loudness goes up and down a few times a second, in whole chunks."""
    chunks = max(1, round(seconds / CHUNK_SECONDS))
    t = np.arange(chunks * CHUNK_SAMPLES) / INPUT_RATE
    noise = np.random.default_rng(0).standard_normal(len(t))
    return (0.1 * noise * np.sin(2 * np.pi * 3.0 * t) ** 2).astype(np.float32)


def _timing(ms: list[float]) -> Timing:
    return Timing(float(np.mean(ms)), float(np.percentile(ms, 95)), float(np.max(ms)))
