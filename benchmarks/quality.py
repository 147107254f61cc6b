"""How well speech survives a model: a table of measures, a row a corpus.

    python -m benchmarks.quality FILES... [--model bundled] [--recogniser moonshine whisper]
                                          [--metrics stoi similarity pesq dnsmos pitch]

dWER counts the words a recogniser hears in the decoded clip against those it hears in the
original, over all clips of a corpus. The other measures are means over clips. A file's corpus is
the first word of its name (`librispeech-ls-446.flac`). Words are compared in English clips only.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch

from benchmarks.speech_measures import (
    RATE,
    Moonshine,
    Recogniser,
    WhisperBase,
    aligned,
    dnsmos,
    pesq,
    pitch_error,
    speaker_similarity,
    stoi,
    word_errors,
)
from codec.model.codec import Codec
from codec.spec import CHUNK_SAMPLES
from codec.weights import load

METRICS = {
    "stoi": ("STOI", stoi),
    "similarity": ("similarity", speaker_similarity),
    "pesq": ("PESQ", pesq),
    "dnsmos": ("DNSMOS", dnsmos),
    "pitch": ("pitch error, cents", pitch_error),
}
RECOGNISERS = {"moonshine": Moonshine, "whisper": WhisperBase}


def through(codec: Codec, sig: np.ndarray) -> np.ndarray:
    """Speech at 16 kHz encoded and decoded, at 16 kHz, as long as it was."""
    chunks = -(-len(sig) // CHUNK_SAMPLES) + 1
    padded = np.zeros(chunks * CHUNK_SAMPLES, np.float32)
    padded[: len(sig)] = sig
    with torch.inference_mode():
        codes, _ = codec.encode(torch.from_numpy(padded)[None])
        decoded, _ = codec.decode(codes)
    out = decoded[0].numpy()[codec.spec.delay_samples :]
    return soxr.resample(out, codec.spec.output_rate, RATE)[: len(sig)]


def read(path: Path) -> np.ndarray:
    """A clip as mono float samples at 16 kHz."""
    sig, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return soxr.resample(sig.mean(axis=1), rate, RATE).astype(np.float32)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--recogniser", nargs="*", choices=RECOGNISERS, default=["moonshine"])
    parser.add_argument("--metrics", nargs="*", choices=METRICS, default=["stoi", "similarity"])
    parser.add_argument("--save", type=Path, help="write the decoded clips into this folder")
    arguments = parser.parse_args()
    codec = load(arguments.model)
    recognisers: list[Recogniser] = [RECOGNISERS[name]() for name in arguments.recogniser]
    rows: dict[str, list[list[float]]] = defaultdict(list)
    errors: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for path in arguments.files:
        original = read(path)
        decoded = through(codec, original)
        corpus = path.stem.split("-")[0]
        moved = aligned(original, decoded)
        rows[corpus].append([METRICS[name][1](original, moved) for name in arguments.metrics])
        if corpus == "librispeech" or path.stem.endswith("-en"):
            for recogniser in recognisers:
                heard = recogniser.transcribe(original)
                wrong = word_errors(heard, recogniser.transcribe(decoded))
                errors[corpus, recogniser.name].append((wrong, len(heard)))
        if arguments.save:
            arguments.save.mkdir(parents=True, exist_ok=True)
            soundfile.write(arguments.save / f"{path.stem}.wav", decoded, RATE)
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(f"{codec.spec.name}, {codec.spec.bitrate / 1000:.2f} kbit/s")
    names = [recogniser.name for recogniser in recognisers]
    titles = [METRICS[name][0] for name in arguments.metrics] + [f"dWER ({n})" for n in names]
    print("| corpus | clips | " + " | ".join(titles) + " |")
    print("|---|---|" + "---|" * len(titles))
    for corpus, values in rows.items():
        cells = [f"{mean:.3f}" for mean in np.nanmean(values, axis=0)]
        for name in names:
            counts = np.sum(errors[corpus, name] or [(0, 0)], axis=0)
            clips = len(errors[corpus, name])
            cells.append(f"{counts[0] / counts[1]:.3f} (n={clips})" if counts[1] else "–")
        print(f"| {corpus} | {len(values)} | " + " | ".join(cells) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
