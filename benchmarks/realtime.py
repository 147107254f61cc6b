"""How fast a FocalCodec of the published size runs on this machine's processor, and in how much
memory: the plain path against the runtime in each precision.

    python -m benchmarks.realtime

The weights are random, the same for all, since how long a product takes does not depend on them;
they are made once and kept in a folder (1 GB). Each row is a process of its own, so that memory and
loading time are its own too. Rows take turns and the quickest turn counts, and on one thread times
are the processor's: what other programs take is not the runtime's. What is told of codes is
measured on the bundled model, whose weights mean something.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from safetensors.torch import save_file

from codec.model.codec import Codec
from codec.model.focalcodec import FocalCodec
from codec.runtime.choice import chosen
from codec.runtime.loading import load_to_stream
from codec.runtime.packed import packed
from codec.runtime.products import PRECISIONS, available
from codec.spec import CHUNK_CODES, CHUNK_SAMPLES, CHUNK_SECONDS
from codec.stream import StreamDecoder, step_together
from codec.weights import CONFIG_FILE, WEIGHTS_FILE, load

CONFIG: dict[str, Any] = {
    "encoder_name": "WavLM",
    "encoder_config": {"causal": True},
    "compressor_name": "FocalEncoder",
    "compressor_config": {"causal": True},
    "quantizer_name": "BinarySphericalQuantizer",
    "quantizer_config": {"codebook_size": 4096},
    "decompressor_name": "FocalDecoder",
    "decompressor_config": {"causal": True},
    "decoder_name": "WaveNeXt",
    "decoder_config": {"causal": True},
}
"""The published 4k checkpoint's: what is left out has the full size."""

PLAIN = "plain"
"""The reference path, as the published implementation works: float32, contexts copied."""

Clock = Callable[[], float]

PEERS = 4
WARM_UP = 4


@dataclass(frozen=True)
class Row:
    """Milliseconds are the median's of a chunk of 80 ms; `load_seconds` goes from the call that
    opens the files to the first code; `resident_mb` is of the process with an encoder and a decoder
    at work (Python and torch alone take 220)."""

    name: str
    threads: int
    encode_ms: float
    decode_ms: float
    peers_ms: float
    load_seconds: float
    resident_mb: float

    @property
    def total_ms(self) -> float:
        return self.encode_ms + self.decode_ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--folder", type=Path, default=Path("build/realtime"))
    parser.add_argument("--chunks", type=int, default=30, help="of each turn (30)")
    parser.add_argument("--turns", type=int, default=2, help="of each row (2)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--one", nargs=2, metavar=("NAME", "THREADS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        name, threads = arguments.one
        print(json.dumps(asdict(measure(arguments.folder, name, int(threads), arguments.chunks))))
        return
    make_model(arguments.folder)
    rows = measure_all(arguments)
    print(table(rows))
    print(words_on_choice(rows))
    print(bundled_codes())
    print(bundled_peers(arguments.chunks))


def make_model(folder: Path) -> None:
    """Random weights of the published size, unless they are there."""
    if (folder / CONFIG_FILE).is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    save_file(FocalCodec(CONFIG).state_dict(), folder / WEIGHTS_FILE)
    (folder / CONFIG_FILE).write_text(json.dumps(CONFIG))


def measure_all(arguments: argparse.Namespace) -> list[Row]:
    """Every name and number of threads, by turns, each in a process of its own."""
    names = [PLAIN, *(p for p in PRECISIONS if p in available())]
    cases = [(name, threads) for threads in arguments.threads for name in names]
    if "int8" in names:  # the first time is the conversion, not what a user waits for every time
        _other_process(arguments, "int8", 1)
    turns = [
        [_other_process(arguments, name, threads) for name, threads in cases]
        for _ in range(arguments.turns)
    ]
    return [_quickest(list(same)) for same in zip(*turns, strict=True)]


def _other_process(arguments: argparse.Namespace, name: str, threads: int) -> Row:
    command = [sys.executable, "-m", "benchmarks.realtime", "--folder", str(arguments.folder)]
    command += ["--chunks", str(arguments.chunks), "--one", name, str(threads)]
    made = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    row = Row(**json.loads(made.stdout.splitlines()[-1]))
    print(
        f"{name} on {threads}: encode {row.encode_ms:.1f} ms, decode {row.decode_ms:.1f} ms",
        file=sys.stderr,
    )
    return row


def _quickest(turns: list[Row]) -> Row:
    def least(field: Callable[[Row], float]) -> float:
        return min(map(field, turns))

    return Row(
        turns[0].name,
        turns[0].threads,
        least(lambda row: row.encode_ms),
        least(lambda row: row.decode_ms),
        least(lambda row: row.peers_ms),
        least(lambda row: row.load_seconds),
        max(row.resident_mb for row in turns),
    )


@torch.inference_mode()
def measure(folder: Path, name: str, threads: int, chunks: int) -> Row:
    """Load a model and stream through it, in this process."""
    torch.set_num_threads(threads)
    start = time.perf_counter()
    precision = next((p for p in PRECISIONS if p == name), None)
    codec = load(folder) if name == PLAIN else load_to_stream(folder, precision=precision)
    codec.encode(torch.zeros(1, CHUNK_SAMPLES))
    load_seconds = time.perf_counter() - start
    clock = time.thread_time if threads == 1 else time.perf_counter
    encode_ms, decode_ms = _one_stream(codec, chunks, clock)
    resident = resident_mb()
    peers_ms = (_separate_ms if name == PLAIN else _together_ms)(codec, chunks, clock)
    return Row(name, threads, encode_ms, decode_ms, peers_ms, load_seconds, resident)


def _one_stream(codec: Codec, chunks: int, clock: Clock) -> tuple[float, float]:
    """Median milliseconds of a chunk to encode and to decode."""
    sig = 0.1 * torch.randn(chunks + WARM_UP, 1, CHUNK_SAMPLES)
    encoding = decoding = None
    encode, decode = [], []
    for chunk in sig:
        start = clock()
        codes, encoding = codec.encode(chunk, encoding)
        middle = clock()
        _, decoding = codec.decode(codes, decoding)
        encode.append(middle - start)
        decode.append(clock() - middle)
    return _median_ms(encode), _median_ms(decode)


def _separate_ms(codec: Codec, chunks: int, clock: Clock) -> float:
    """Median milliseconds to decode a chunk of each of four peers, one after the other."""
    states: list[Any] = [None] * PEERS
    times = []
    for codes in _codes(codec, chunks):
        start = clock()
        for i in range(PEERS):
            _, states[i] = codec.decode(torch.from_numpy(codes[i])[None], states[i])
        times.append(clock() - start)
    return _median_ms(times)


def _together_ms(codec: Codec, chunks: int, clock: Clock) -> float:
    """The same in one pass."""
    peers = [StreamDecoder(codec) for _ in range(PEERS)]
    times = []
    for codes in _codes(codec, chunks):
        start = clock()
        step_together(peers, list(codes))
        times.append(clock() - start)
    return _median_ms(times)


def _codes(codec: Codec, chunks: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 1 << codec.spec.bits_per_code, (chunks + WARM_UP, PEERS, CHUNK_CODES))


def _median_ms(seconds: list[float]) -> float:
    return 1000.0 * float(np.median(seconds[WARM_UP:]))


def resident_mb() -> float:
    """Of this process, now; not a number where the system does not tell it in a file."""
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.is_file() else ():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024.0
    return float("nan")


def table(rows: list[Row]) -> str:
    plain = {row.threads: row for row in rows if row.name == PLAIN}
    lines = [
        "| | threads | encode ms | decode ms | real-time factor | × plain | "
        "4 peers decoded, ms | load s | resident MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        factor = row.total_ms / (1000.0 * CHUNK_SECONDS)
        ratio = plain[row.threads].total_ms / row.total_ms
        lines.append(
            f"| {row.name} | {row.threads} | {row.encode_ms:.1f} | {row.decode_ms:.1f} | "
            f"{factor:.2f} | {ratio:.1f} | {row.peers_ms:.1f} | {row.load_seconds:.1f} | "
            f"{row.resident_mb:.0f} |"
        )
    return "\n".join(lines)


def words_on_choice(rows: list[Row]) -> str:
    with torch.device("meta"):
        weights = sum(parameter.numel() for parameter in FocalCodec(CONFIG).parameters())
    choice = chosen(weights)
    best = min((row for row in rows if row.name == choice.precision), key=lambda r: r.total_ms)
    return (
        f"Chosen here: {choice.precision} on {choice.threads} thread(s); at best real-time factor "
        f"{best.total_ms / (1000.0 * CHUNK_SECONDS):.2f} on {best.threads}."
    )


def bundled_codes() -> str:
    """How many codes of the demo's clip stay what the plain path makes them."""
    codec = load()
    with resources.as_file(resources.files("assets") / "speech" / "demo.flac") as file:
        pcm, _ = soundfile.read(file, dtype="float32")
    sig = torch.from_numpy(pcm[: len(pcm) // CHUNK_SAMPLES * CHUNK_SAMPLES])[None]
    told = []
    with torch.inference_mode():
        plain, _ = codec.encode(sig)
        for precision in available():
            codes, _ = packed(codec, precision).encode(sig)
            told.append(f"{precision} {100 * (codes == plain).float().mean():.1f} %")
    return f"Codes of the demo's clip unchanged, bundled model: {', '.join(told)}."


def bundled_peers(chunks: int) -> str:
    """Four peers of the bundled model on one thread, one after the other and in one pass."""
    torch.set_num_threads(1)
    codec = load()
    separate = [StreamDecoder(codec) for _ in range(PEERS)]
    times = []
    for codes in _codes(codec, chunks):
        start = time.thread_time()
        for decoder, chunk in zip(separate, codes, strict=True):
            decoder.step(chunk)
        times.append(time.thread_time() - start)
    return (
        f"Bundled model, {PEERS} peers on one thread: {_median_ms(times):.1f} ms a chunk one after "
        f"the other, {_together_ms(codec, chunks, time.thread_time):.1f} ms in one pass."
    )


if __name__ == "__main__":
    main()
