"""Which precision suits this machine: measured once for a fraction of a second, and kept."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
import torch

from codec.runtime.products import EXACT_ENOUGH, Precision, available, product
from codec.spec import CHUNK_CODES, CHUNK_SECONDS

FEW_WEIGHTS = 16_000_000
"""A smaller model's products take too little time, even in float32, for a choice to matter."""

SHARE = 0.25
"""Of a chunk's duration, what the products of encoder and decoder together may take. The rest is
for what else they do, for the program, and for a machine that is busy or saves its battery."""

MEASURED_SHAPE, MEASURED_MATRICES = (4096, 1024), 10
"""What is measured: in float32 160 megabytes, more than caches hold."""

ROUNDS = 4

WORTH_A_CORE = 0.75
"""Another thread must bring the time down to this to be used."""


@dataclass(frozen=True)
class Choice:
    """`precision` on `threads` threads; `seconds` is what 4 rows times a million weights took in
    each precision that was measured, on one thread (then on more, for the one chosen)."""

    precision: Precision
    threads: int
    seconds: dict[str, float]


def chosen(weights: int, precision: Precision | None = None) -> Choice:
    """What to stream a model of so many weights with: this precision, or else the most exact that
    is quick enough, or else the quickest; and the threads that help. Measured on the first call on
    this machine, for about a second."""
    if weights < FEW_WEIGHTS:
        return Choice(precision or "float32", 1, {})
    seconds = _kept() or _keep(measured())
    return decided(weights, seconds, precision)


def decided(weights: int, seconds: dict[str, float], precision: Precision | None = None) -> Choice:
    """The choice that follows from what was measured; names are as `measured` gives them."""
    precision = precision or _best(weights / 1e6, seconds)
    threads, least = 1, seconds[precision]
    while (more := seconds.get(f"{precision} x{2 * threads}")) and more <= WORTH_A_CORE * least:
        threads, least = 2 * threads, more
    return Choice(precision, threads, seconds)


def _best(millions: float, seconds: dict[str, float]) -> Precision:
    known = [p for p in EXACT_ENOUGH if p in seconds]
    quick = [p for p in known if seconds[p] * millions <= SHARE * CHUNK_SECONDS]
    return quick[0] if quick else min(known, key=lambda p: seconds[p])


def measured() -> dict[str, float]:
    """Seconds that 4 rows times a million weights take: by precision on one thread, and on more
    threads, `float16 x2`, up to half the cores: a call encodes and decodes at once."""
    seconds = {}
    for precision in available():
        products = [
            product(torch.randn(MEASURED_SHAPE), None, precision) for _ in range(MEASURED_MATRICES)
        ]
        threads, most = 1, max(1, (os.cpu_count() or 1) // 2)
        while threads <= most:
            name = precision if threads == 1 else f"{precision} x{threads}"
            with on_threads(threads):
                seconds[name] = _fastest_round(products)
            threads *= 2
    return seconds


@torch.inference_mode()
def _fastest_round(products: list[Any]) -> float:
    x = torch.randn(CHUNK_CODES, MEASURED_SHAPE[1])
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for multiply in products:
            multiply(x)
        rounds.append(time.perf_counter() - start)
    rows, columns = MEASURED_SHAPE
    return min(rounds) / (len(products) * rows * columns / 1e6)


@contextmanager
def on_threads(count: int) -> Iterator[None]:
    """Let torch have so many threads meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def cache_folder() -> Path:
    """Where what can be made again is kept."""
    return platformdirs.user_cache_path("undertone", appauthor=False) / "runtime"


def _kept() -> dict[str, float] | None:
    with suppress(OSError, ValueError, TypeError, AttributeError):
        seconds = json.loads(_file().read_text(encoding="utf-8"))
        if set(available()) <= set(seconds) and all(
            isinstance(value, float) and value > 0.0 for value in seconds.values()
        ):
            return dict(seconds)
    return None


def _keep(seconds: dict[str, float]) -> dict[str, float]:
    with suppress(OSError):
        _file().parent.mkdir(parents=True, exist_ok=True)
        _file().write_text(json.dumps(seconds), encoding="utf-8")
    return seconds


def _file() -> Path:
    return cache_folder() / f"speed-{machine_name()}.json"


def machine_name() -> str:
    """Another for each machine and torch: a home may be carried from one to the other."""
    machine = [*platform.uname(), os.cpu_count(), torch.__version__]
    return hashlib.sha256(json.dumps(machine).encode()).hexdigest()[:16]
