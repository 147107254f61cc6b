"""The README's table and picture: what speech is worth after our models and after others.

    python -m benchmarks.quality CLIPS… [--model bundled …] [--into build/quality]
                                 [--recogniser whisper] [--corpus librispeech]
                                 [--picture docs/pictures/quality.png]

Measures each model at each rate that it offers, Codec 2, Opus and the original itself on the same
clips, writes `table.md` and `table.csv`, and draws four measures over the bitrate for one corpus.
With `--only-draw`, the picture is drawn anew from the table in that folder. Needs the extras
`measure` and `pictures`, and Debian's codec2 and opus-tools.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from codec.evaluate import table
from codec.evaluate.peers import PEERS
from codec.evaluate.pictures import needs_pictures
from codec.evaluate.recognise import RECOGNISERS
from codec.evaluate.table import Subject, model_subject
from codec.rates import rates_of
from codec.weights import load

OURS = "Undertone"
ORIGINAL = "original"
PEER_NAMES = (
    "codec2-450",
    "codec2-700C",
    "codec2-1200",
    "codec2-2400",
    "opus-6",
    "opus-8",
    "opus-12",
)
METRICS = ("stoi", "similarity", "pesq", "dnsmos", "pitch", "entropy")

INK = "#7d8590"
"""A grey that is read on white and on black: the picture has no ground of its own."""
COLOURS = {OURS: "#e8590c", "Codec 2": "#4c8dd6", "Opus": "#2f9e6e"}
FAMILIES = tuple(COLOURS)
PANELS = (
    ("dWER", "words wrong, %", "fewer is better"),
    ("STOI", "STOI", "more is better"),
    ("similarity", "speaker similarity", "more is better"),
    ("DNSMOS", "DNSMOS", "more is better"),
)
"""Start of the column's head, name of the axis, which way is good."""


def ours(model: str) -> Iterator[Subject]:
    """A model at each rate that it offers, the highest first."""
    codec = load(model)
    name = OURS if model == "bundled" else f"{OURS} {Path(model).name}"
    for view in rates_of(codec):
        yield model_subject(view, name)


def subjects(models: Sequence[str], peers: Sequence[str]) -> Iterator[Subject]:
    """All that is measured, in the order of the table."""
    for model in models:
        yield from ours(model)
    for peer in (*peers, ORIGINAL):
        yield PEERS[peer]()


def measure(options: argparse.Namespace) -> list[list[str]]:
    """Measure everything on the clips and save the table after each subject."""
    recognisers = [RECOGNISERS[name]() for name in options.recogniser]
    heard: dict[tuple[str, Path], list[str]] = {}
    rows: list[table.Row] = []
    cells: list[list[str]] = []
    for subject in subjects(options.model, options.peers):
        print(f"{subject.name}, {subject.kbps:g} kbit/s …", file=sys.stderr, flush=True)
        rows += table.evaluate(subject, options.clips, METRICS, recognisers, heard=heard)
        cells = table.table(rows, METRICS, recognisers)
        table.save(cells, options.into)
    return cells


def draw(cells: Sequence[Sequence[str]], corpus: str, path: Path) -> None:
    """Four small panels over kbit/s, of one corpus's rows."""
    needs_pictures()
    from matplotlib.figure import Figure

    head, *body = cells
    rows = [dict(zip(head, line, strict=True)) for line in body if line[2] == corpus]
    if not rows:
        raise SystemExit(f"The table has no rows of the corpus “{corpus}”.")
    figure = Figure(figsize=(9, 5.6), layout="constrained")
    for axes, (start, title, good) in zip(figure.subplots(2, 2).flat, PANELS, strict=True):
        columns = [name for name in head if name.startswith(start)]
        if columns:
            _panel(axes, rows, columns[-1], 100 if start == "dWER" else 1)
        if columns and start == "dWER":
            title += columns[-1].removeprefix("dWER").replace("(", "by ").replace(")", "")
        axes.set_title(f"{title}  ({good})", color=INK, fontsize=10, loc="left")
    handles = [*axes.get_lines()]
    figure.legend(
        *zip(*((line, line.get_label()) for line in handles), strict=True),
        loc="outside lower center",
        ncols=len(handles),
        frameon=False,
        labelcolor=INK,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, transparent=True)


def _panel(axes, rows: Sequence[dict[str, str]], column: str, scale: float) -> None:  # type: ignore[no-untyped-def]
    for family in FAMILIES:
        points = sorted(
            (float(row["kbit/s"]), scale * _number(row[column]))
            for row in rows
            if row["codec"].startswith(family)
        )
        if points:
            ours = family == OURS
            axes.plot(
                *zip(*points, strict=True),
                marker="*" if ours else "o",
                markersize=13 if ours else 5,
                linewidth=2 if ours else 1.2,
                color=COLOURS[family],
                label=family,
                zorder=3 if ours else 2,
            )
    best = [scale * _number(row[column]) for row in rows if row["codec"] == ORIGINAL]
    if best:
        axes.axhline(best[0], color=INK, linewidth=1, linestyle=":", label="the original")
    axes.set_xscale("log")
    ticks = [0.5, 1, 2, 4, 8, 12]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlim(0.35, 14)
    axes.set_xlabel("kbit/s", color=INK, fontsize=9)
    axes.tick_params(colors=INK, labelsize=9)
    axes.grid(color=INK, alpha=0.25, linewidth=0.6)
    for spine in axes.spines.values():
        spine.set_color(INK)


def _number(cell: str) -> float:
    """`0.123 (n=16)` -> 0.123; a dash is NaN."""
    return float("nan") if cell == "–" else float(cell.split()[0])


def main() -> int:
    """Measure, save, draw."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--model", nargs="*", default=["bundled"])
    parser.add_argument("--peers", nargs="*", default=PEER_NAMES, choices=PEERS, metavar="NAME")
    parser.add_argument("--recogniser", nargs="*", default=["moonshine", "whisper"])
    parser.add_argument("--into", type=Path, default=Path("build/quality"))
    parser.add_argument("--corpus", default="librispeech", help="which the picture shows")
    parser.add_argument("--picture", type=Path, default=Path("docs/pictures/quality.png"))
    parser.add_argument("--only-draw", action="store_true", help="from the table in --into")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.only_draw:
        with open(options.into / "table.csv", newline="", encoding="utf-8") as file:
            cells = list(csv.reader(file))
    elif options.clips:
        needs_pictures()
        cells = measure(options)
        print(table.markdown(cells))
    else:
        parser.error("name clips to measure on, or --only-draw")
    draw(cells, options.corpus, options.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
