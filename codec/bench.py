"""How fast a model loads and codes on this machine, and how much it remembers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from codec.model.codec import Codec
from codec.runtime.loading import load_to_stream
from codec.runtime.products import Precision
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
    """`core_share` is the processor time to encode and decode / time of speech, 1 a whole core;
    `load_seconds` from the model's files to streams that are warm."""

    name: str
    encode: Timing
    decode: Timing
    core_share: float
    load_seconds: float
    encoder_state_bytes: int
    decoder_state_bytes: int
    parameters: int
    threads: int
    precision: str


def bench(
    model: str | Path, seconds: float, threads: int, precision: Precision | None = None
) -> Bench:
    """Load a model and stream `seconds` of a made-up signal through it, chunk by chunk.

    `precision` None is what the model and this machine suggest. Raises what
    `codec.runtime.loading.load_to_stream` raises.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        start = time.perf_counter()
        codec = load_to_stream(model, precision=precision)
        encoder, decoder = StreamEncoder(codec), StreamDecoder(codec)
        encoder.warm_up()
        decoder.warm_up()
        load_seconds = time.perf_counter() - start
        encode_ms, decode_ms, core_share = _stream(encoder, decoder, _signal(seconds))
    finally:
        torch.set_num_threads(before)
    return Bench(
        codec.spec.name,
        _timing(encode_ms),
        _timing(decode_ms),
        core_share,
        load_seconds,
        encoder.state_bytes(),
        decoder.state_bytes(),
        _weights(codec),
        threads,
        codec.precision,
    )


def _weights(codec: Codec) -> int:
    return codec.weights or sum(parameter.numel() for parameter in codec.parameters())


def _stream(
    encoder: StreamEncoder, decoder: StreamDecoder, signal: np.ndarray
) -> tuple[list[float], list[float], float]:
    """Milliseconds by chunk to encode and to decode, and the share of a core."""
    encode_ms: list[float] = []
    decode_ms: list[float] = []
    chunks = signal.reshape(-1, CHUNK_SAMPLES)
    # The processor's time beside the clock's: other programs take from the second only.
    cpu_start = time.process_time()
    for chunk in chunks:
        start = time.perf_counter()
        codes = encoder.step(chunk)
        middle = time.perf_counter()
        decoder.step(codes)
        encode_ms.append(1000.0 * (middle - start))
        decode_ms.append(1000.0 * (time.perf_counter() - middle))
    cpu_seconds = time.process_time() - cpu_start
    return encode_ms, decode_ms, cpu_seconds / (len(chunks) * CHUNK_SECONDS)


def _signal(seconds: float) -> np.ndarray:
    """Noise whose loudness goes up and down a few times a second, in whole chunks."""
    chunks = max(1, round(seconds / CHUNK_SECONDS))
    t = np.arange(chunks * CHUNK_SAMPLES) / INPUT_RATE
    noise = np.random.default_rng(0).standard_normal(len(t))
    return (0.1 * noise * np.sin(2 * np.pi * 3.0 * t) ** 2).astype(np.float32)


def _timing(ms: list[float]) -> Timing:
    return Timing(float(np.mean(ms)), float(np.percentile(ms, 95)), float(np.max(ms)))
