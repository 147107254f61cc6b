"""Whether this machine keeps up with a model: measured once after loading it, and kept."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codec.model.codec import Codec
from codec.runtime.choice import cache_folder, machine_name, on_threads
from codec.spec import CHUNK_CODES, CHUNK_SAMPLES, CHUNK_SECONDS
from codec.stream import StreamDecoder, StreamEncoder

CHUNKS = 6
LONG_ENOUGH = 1.0
"""Seconds of measuring after which a model is slow for certain."""

MOST_LOAD = 0.8
"""Share of a core's time that encoding, or decoding, may take in a call: the rest is for a machine
that does something else besides."""


@dataclass(frozen=True)
class Pace:
    """Seconds that a chunk of 80 ms takes to encode and to decode, with nothing else to do."""

    encode: float
    decode: float

    @property
    def seconds(self) -> float:
        """Both, one after the other."""
        return self.encode + self.decode

    def keeps_up(self, cores: int | None = None) -> bool:
        """Whether a call in this model goes without stuttering: its two directions have a thread
        each, so that on two cores they do not wait for one another."""
        several = (cores or os.cpu_count() or 1) > 1
        busiest = max(self.encode, self.decode) if several else self.seconds
        return busiest <= MOST_LOAD * CHUNK_SECONDS


def pace_of(codec: Codec) -> Pace:
    """Of a packed model on its own number of threads; what was measured before is taken for it."""
    known = _kept()
    key = _key(codec)
    if key not in known:
        known[key] = measured(codec)
        if codec.spec.digest:
            _keep(known)
    return known[key]


def known_pace(model_id: int, digest: int) -> Pace | None:
    """The quickest this model was found to be here, in whatever precision; None if it never was."""
    begins = f"{model_id} {digest:08x} "
    found = [pace for key, pace in _kept().items() if digest and key.startswith(begins)]
    return min(found, key=lambda pace: pace.seconds, default=None)


def measured(codec: Codec) -> Pace:
    """Code some noise. The quickest chunk counts, by the processor's time where there is one thread
    and that time is told finely: what others take is not the model's."""
    encoder, decoder = StreamEncoder(codec), StreamDecoder(codec)
    pcm = 0.1 * np.random.default_rng(0).standard_normal(CHUNK_SAMPLES).astype(np.float32)
    codes = np.zeros(CHUNK_CODES, np.int64)
    clock = time.thread_time if codec.threads == 1 and os.name != "nt" else time.perf_counter
    with on_threads(codec.threads):
        return Pace(
            _quickest(lambda: encoder.step(pcm), clock),
            _quickest(lambda: decoder.step(codes), clock),
        )


def _quickest(step: Callable[[], object], clock: Callable[[], float]) -> float:
    began = time.perf_counter()
    step()  # torch makes its threads and chooses its kernels
    times: list[float] = []
    while len(times) < CHUNKS and (not times or time.perf_counter() - began < LONG_ENOUGH):
        start = clock()
        step()
        times.append(clock() - start)
    return min(times)


def _key(codec: Codec) -> str:
    spec = codec.spec
    return f"{spec.model_id} {spec.digest:08x} {codec.precision} x{codec.threads}"


def _kept() -> dict[str, Pace]:
    with suppress(OSError, ValueError, TypeError, AttributeError):
        kept = json.loads(_file().read_text(encoding="utf-8"))
        return {key: Pace(float(encode), float(decode)) for key, (encode, decode) in kept.items()}
    return {}


def _keep(known: dict[str, Pace]) -> None:
    with suppress(OSError):
        _file().parent.mkdir(parents=True, exist_ok=True)
        kept = {key: (pace.encode, pace.decode) for key, pace in known.items()}
        _file().write_text(json.dumps(kept), encoding="utf-8")


def _file() -> Path:
    return cache_folder() / f"pace-{machine_name()}.json"
