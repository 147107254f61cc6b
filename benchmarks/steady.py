"""Whether a stream stays as quick and as small as it began: hours of sound, as fast as it goes.

    python -m benchmarks.steady                                         # the bundled model
    python -m benchmarks.steady --model build/realtime --precision int8 # full size, random weights

`build/realtime` is what `python -m benchmarks.realtime` makes. Times are the processor's, so that
other programs take nothing from them; memory is the whole process's.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.realtime import resident_mb
from codec.model.codec import Codec
from codec.runtime.loading import load_to_stream
from codec.runtime.products import PRECISIONS
from codec.spec import CHUNK_SAMPLES, CHUNK_SECONDS, INPUT_RATE
from codec.stream import StreamDecoder, StreamEncoder

PARTS = 12
SIGNAL_SECONDS = 60.0


@dataclass(frozen=True)
class Part:
    """A twelfth of the stream: medians of a chunk in ms of the processor, and the memory after."""

    minutes: float
    encode_ms: float
    decode_ms: float
    resident_mb: float
    state_bytes: int


def stream(codec: Codec, minutes: float) -> Iterator[Part]:
    """Encode and decode so many minutes, and tell of each part of them."""
    encoder, decoder = StreamEncoder(codec), StreamDecoder(codec)
    encoder.warm_up()
    decoder.warm_up()
    chunks = _signal().reshape(-1, CHUNK_SAMPLES)
    whole = max(PARTS, round(minutes * 60.0 / CHUNK_SECONDS))
    ends = [whole * (i + 1) // PARTS for i in range(PARTS)]
    encode, decode = [], []
    for i in range(whole):
        start = time.thread_time()
        codes = encoder.step(chunks[i % len(chunks)])
        middle = time.thread_time()
        decoder.step(codes)
        encode.append(middle - start)
        decode.append(time.thread_time() - middle)
        if i + 1 in ends:
            state = encoder.state_bytes() + decoder.state_bytes()
            done = (i + 1) * CHUNK_SECONDS / 60.0
            yield Part(done, _median_ms(encode), _median_ms(decode), resident_mb(), state)
            encode, decode = [], []


def _signal() -> np.ndarray:
    """A minute of noise that comes and goes like words and pauses."""
    rng = np.random.default_rng(0)
    t = np.arange(round(SIGNAL_SECONDS * INPUT_RATE)) / INPUT_RATE
    gate = np.sin(2 * np.pi * 0.3 * t) > -0.5
    loud = 0.2 * rng.standard_normal(len(t)) * np.sin(2 * np.pi * 3.0 * t) ** 2 * gate
    return loud.astype(np.float32)[: len(t) // CHUNK_SAMPLES * CHUNK_SAMPLES]


def _median_ms(seconds: list[float]) -> float:
    return 1000.0 * float(np.median(seconds))


def line(part: Part) -> str:
    """A row of the table."""
    return (
        f"| {part.minutes:.1f} | {part.encode_ms:.2f} | {part.decode_ms:.2f} | "
        f"{part.resident_mb:.1f} | {part.state_bytes} |"
    )


def verdict(parts: list[Part]) -> str:
    """The second part, by when all is warm, against the last."""
    first, last = parts[1], parts[-1]
    time_of = [part.encode_ms + part.decode_ms for part in (first, last)]
    return (
        f"From minute {first.minutes:.0f} to minute {last.minutes:.0f}: {time_of[0]:.2f} to "
        f"{time_of[1]:.2f} ms a chunk, {first.resident_mb:.1f} to {last.resident_mb:.1f} MB, "
        f"{first.state_bytes} to {last.state_bytes} bytes of state."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="bundled", help="as for python -m codec (bundled)")
    parser.add_argument("--precision", choices=PRECISIONS, help="what suits it and this machine")
    parser.add_argument("--minutes", type=float, default=60.0, help="of sound (60)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    codec = load_to_stream(arguments.model, precision=arguments.precision)
    print(f"{codec.spec.name} in {codec.precision}, one thread")
    print("| minutes | encode ms | decode ms | resident MB | state bytes |")
    print("|---|---|---|---|---|")
    parts = []
    for part in stream(codec, arguments.minutes):
        parts.append(part)
        print(line(part))
        sys.stdout.flush()
    print(verdict(parts))


if __name__ == "__main__":
    main()
