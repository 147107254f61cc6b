"""Models, and other codecs, against clips: a row for each subject and corpus."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch

from codec.audio_file import open_audio, resampled
from codec.evaluate.entropy import TokenEntropy, token_entropy
from codec.evaluate.measures import METRICS, RATE, aligned
from codec.evaluate.pictures import draw
from codec.evaluate.recognise import Recogniser, word_errors
from codec.model.codec import Codec
from codec.spec import CHUNK_SAMPLES

ENTROPY = "entropy"
"""The one metric that is of all of a corpus's clips at once: see `codec.evaluate.entropy`."""


@dataclass
class Row:
    """What was measured of one subject on one corpus."""

    subject: str
    kbps: float
    corpus: str
    clips: int = 0
    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Metric -> one value a clip."""
    words: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    """Recogniser -> (words wrong, words heard in the original), one pair a clip."""
    tokens: list[np.ndarray] = field(default_factory=list)
    """The codes of each clip, where the entropy is asked for and the subject has codes."""
    bits: int = 0
    """Of a code."""


def read_clip(path: Path | str) -> np.ndarray:
    """A sound file as mono float32 at 16 kHz. Raises AudioFileError."""
    with open_audio(path) as source:
        blocks = list(resampled(source.mono(), source.rate, RATE))
    return np.concatenate([np.zeros(0, np.float32), *blocks]).astype(np.float32)


def through(codec: Codec, sig: np.ndarray) -> np.ndarray:
    """Speech at 16 kHz encoded and decoded, at 16 kHz, as long as it was and not late."""
    chunks = -(-len(sig) // CHUNK_SAMPLES) + 1
    padded = np.zeros(chunks * CHUNK_SAMPLES, np.float32)
    padded[: len(sig)] = sig
    with torch.inference_mode():
        codes, _ = codec.encode(torch.from_numpy(padded)[None])
        decoded, _ = codec.decode(codes)
    out = decoded[0].float().numpy()[codec.spec.delay_samples :]
    return soxr.resample(out, codec.spec.output_rate, RATE)[: len(sig)]


def codes(codec: Codec, sig: np.ndarray) -> np.ndarray:
    """The codes of speech at 16 kHz, of its whole chunks only: no silence is added."""
    whole = len(sig) // CHUNK_SAMPLES * CHUNK_SAMPLES
    if whole == 0:
        return np.zeros(0, np.int64)
    with torch.inference_mode():
        return codec.encode(torch.from_numpy(sig[:whole])[None])[0][0].numpy()


def corpus_of(path: Path) -> str:
    """A file's corpus is the first word of its name: `librispeech-ls-446.flac`."""
    return path.stem.split("-")[0]


def is_english(path: Path) -> bool:
    """Whether words may be compared: the recognisers know English."""
    return corpus_of(path) == "librispeech" or path.stem.endswith("-en")


@dataclass(frozen=True)
class Subject:
    """What is measured: a name, its bitrate, and what it makes of mono float speech at 16 kHz.

    `codes` gives the codes of such speech, each of so many `bits`, where that can be told.
    """

    name: str
    kbps: float
    through: Callable[[np.ndarray], np.ndarray]
    codes: Callable[[np.ndarray], np.ndarray] | None = None
    bits: int = 0


def model_subject(codec: Codec, name: str) -> Subject:
    """A model as a subject."""
    return Subject(
        name,
        codec.spec.bitrate / 1000,
        lambda sig: through(codec, sig),
        lambda sig: codes(codec, sig),
        codec.spec.bits_per_code,
    )


def evaluate(
    subject: Subject,
    files: Iterable[Path],
    metrics: Sequence[str],
    recognisers: Sequence[Recogniser],
    *,
    listen: Path | None = None,
    heard: dict[tuple[str, Path], list[str]] | None = None,
    tell: Callable[[str, Path], None] = lambda subject, clip: None,
) -> list[Row]:
    """Code every file and measure it; the decoded clips are written into the folder `listen`.

    `heard` keeps the words of the originals, for subjects that are measured one after another.
    Raises a `CodecError` for a file that cannot be read and a measure that is not installed.
    """
    rows: dict[str, Row] = {}
    heard = {} if heard is None else heard
    for path in files:
        original = read_clip(path)
        decoded = subject.through(original)
        corpus = corpus_of(path)
        row = rows.setdefault(corpus, Row(subject.name, subject.kbps, corpus))
        row.clips += 1
        if ENTROPY in metrics and subject.codes is not None:
            row.tokens.append(subject.codes(original))
            row.bits = subject.bits
        moved = aligned(original, decoded)
        for metric in _of_a_clip(metrics):
            row.values[metric].append(METRICS[metric].measure(original, moved))
        for recogniser in recognisers if is_english(path) else ():
            key = (recogniser.name, path)
            if key not in heard:
                heard[key] = recogniser.transcribe(original)
            wrong = word_errors(heard[key], recogniser.transcribe(decoded))
            row.words[recogniser.name].append((wrong, len(heard[key])))
        if listen is not None:
            listen.mkdir(parents=True, exist_ok=True)
            soundfile.write(listen_file(listen, path, subject), decoded, RATE)
        tell(subject.name, path)
    return list(rows.values())


def listen_file(folder: Path, clip: Path, subject: Subject) -> Path:
    """Where what a subject made of a clip is written."""
    return folder / f"{clip.stem}.{Path(subject.name).name}.wav"


def draw_pictures(folder: Path, files: Iterable[Path], subjects: Sequence[Subject]) -> None:
    """A PNG of spectrograms for each clip, of what `evaluate` wrote into the folder to listen to.

    Raises MeasureMissing without matplotlib, or AudioFileError for a file that cannot be read.
    """
    for path in files:
        decoded = {
            f"{subject.name}, {subject.kbps:g} kbit/s": read_clip(
                listen_file(folder, path, subject)
            )
            for subject in subjects
        }
        draw(read_clip(path), decoded, folder / f"{path.stem}.png")


def _of_a_clip(metrics: Sequence[str]) -> list[str]:
    return [metric for metric in metrics if metric != ENTROPY]


def entropy_of(rows: Iterable[Row]) -> TokenEntropy | None:
    """Of all codes in these rows of one subject; None where it has none."""
    rows = [row for row in rows if row.tokens]
    if not rows:
        return None
    return token_entropy(
        np.concatenate([clip for row in rows for clip in row.tokens]), rows[0].bits
    )


def table(
    rows: Sequence[Row], metrics: Sequence[str], recognisers: Sequence[Recogniser]
) -> list[list[str]]:
    """Head and body of the table: means over clips, words wrong over all words."""
    head = ["codec", "kbit/s", "corpus", "clips"]
    head += [METRICS[metric].title for metric in _of_a_clip(metrics)]
    head += ["entropy of bits", "entropy of tokens"] if ENTROPY in metrics else []
    head += [f"dWER ({recogniser.name})" for recogniser in recognisers]
    body = []
    for row in rows:
        cells = [row.subject, f"{row.kbps:.2f}", row.corpus, str(row.clips)]
        cells += [f"{np.nanmean(row.values[metric]):.3f}" for metric in _of_a_clip(metrics)]
        cells += _entropies(entropy_of([row])) if ENTROPY in metrics else []
        cells += [_words_wrong(row.words[recogniser.name]) for recogniser in recognisers]
        body.append(cells)
    return [head, *body]


def entropy_of_all(rows: Sequence[Row]) -> list[str]:
    """A sentence for each subject with codes: the entropy over all its corpora together."""
    lines = []
    for subject in dict.fromkeys(row.subject for row in rows):
        whole = entropy_of(row for row in rows if row.subject == subject)
        if whole is not None:
            alone, tokens = _entropies(whole)
            lines.append(f"{subject}, all corpora: entropy of bits {alone}, of tokens {tokens}")
    return lines


def _entropies(entropy: TokenEntropy | None) -> list[str]:
    """Shares of the bits available: of bits alone, and of tokens with floor, ceiling and number."""
    if entropy is None:
        return ["–", "–"]
    alone, floor, ceiling, best = (
        f"{entropy.share(value):.3f}"
        for value in (entropy.bits, entropy.counted, entropy.tree, entropy.estimate)
    )
    return [alone, f"{best} ({floor} to {ceiling}, n={entropy.tokens})"]


def _words_wrong(counts: list[tuple[int, int]]) -> str:
    wrong, heard = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0)
    return f"{wrong / heard:.3f} (n={len(counts)})" if heard else "–"


def markdown(cells: Sequence[Sequence[str]]) -> str:
    """The table for a document."""
    head, *body = ("| " + " | ".join(line) + " |" for line in cells)
    return "\n".join([head, "|" + "---|" * len(cells[0]), *body])


def save(cells: Sequence[Sequence[str]], folder: Path) -> None:
    """`table.md` and `table.csv` in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.md").write_text(markdown(cells) + "\n", "utf-8")
    with open(folder / "table.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(cells)
