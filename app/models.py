"""The `models` command: list, get, import and remove codec models from a terminal."""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
import time
from collections.abc import Iterator

from app.core.models import ModelProgress, ModelView
from app.library.getting import get
from app.library.hub import Hub
from app.library.importing import take_in
from app.library.progress import Work
from app.library.records import Record
from app.library.store import Store
from app.terminal import say

_EVERY_SHARE = 0.1
"""A progress that is not shown in place gets a line each tenth."""


def run_models(arguments: argparse.Namespace) -> int:
    """The command; returns the exit status. Raises a ModelsError."""
    store = Store()
    match arguments.what:
        case "get":
            with _watched(arguments.name) as work:
                newest = arguments.new_version
                _told(store, get(arguments.name, store, Hub(), work, new_version=newest))
        case "import":
            with _watched(arguments.path.name) as work:
                _told(store, take_in(arguments.path, store, work, arguments.name))
        case "remove":
            store.remove(arguments.name)
            say(f"The model {arguments.name} is no longer on this computer.")
        case _:
            say(table(store.views()))
            say(f"Models are in {store.root}.")
    return 0


def _told(store: Store, record: Record) -> None:
    version = f", version {record.revision[:12]}" if record.revision else ""
    say(
        f"The model {record.name} ({record.title}{version}) is on this computer, checked and "
        f"loaded once, in {store.folder(record.name)}. Use it with --model {record.name}."
    )


def table(models: tuple[ModelView, ...]) -> str:
    """The models, a line each, and whose figures those of quality are."""
    rows: list[tuple[str, ...]]
    rows = [("name", "on disk", "size", "kbit/s", "licence", "UTMOS", "dWER", "similarity")]
    rows += [_row(model) for model in models]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    told = [(model.quality.source, model.name) for model in models if model.quality]
    for source in dict.fromkeys(source for source, _ in told):
        names = ", ".join(name for each, name in told if each == source)
        lines.append(f"UTMOS, dWER and similarity of {names}: {source}.")
    lines += [f"{model.name}: {model.problem}" for model in models if model.problem]
    return "\n".join(lines)


def _row(model: ModelView) -> tuple[str, ...]:
    state = "yes" if model.on_disk else "no"
    if model.problem:
        state = "damaged"
    elif not model.on_disk and model.partial:
        state = f"{model.partial / model.octets:.0%} of it"
    size = f"{'' if model.octets_exact else 'about '}{model.octets / 1e6:.0f} MB"
    quality = model.quality
    figures = (
        (
            "–" if quality.utmos is None else f"{quality.utmos:.2f}",
            f"{quality.dwer:.2%}",
            f"{quality.similarity:.1%}",
        )
        if quality
        else ("–", "–", "–")
    )
    return (model.name, state, size, f"{model.kbit:.2f}", model.licence, *figures)


class _Line:
    """A progress on standard error: in place on a terminal, else a line each tenth of the way."""

    def __init__(self) -> None:
        self._live = sys.stderr is not None and sys.stderr.isatty()
        self._said: tuple[str, int, float] | None = None
        self._open = False

    def show(self, progress: ModelProgress) -> None:
        share = progress.done / progress.total if progress.total else 0.0
        now = (progress.step, int(share / _EVERY_SHARE), progress.waiting)
        if not self._live and now == self._said:
            return
        self._said = now
        with contextlib.suppress(OSError):
            text = in_words(progress)
            end = "" if self._live else "\n"
            print(f"\r\x1b[K{text}" if self._live else text, end=end, file=sys.stderr, flush=True)
            self._open = self._live

    def end(self) -> None:
        if self._open:
            with contextlib.suppress(OSError):
                print(file=sys.stderr, flush=True)


def in_words(progress: ModelProgress) -> str:
    """A progress in a line."""
    word = {
        "asking": "Asking the server",
        "downloading": "Downloading",
        "copying": "Copying",
        "checking": "Checking",
        "loading": "Loading it to see whether it is whole",
        "preparing": "Preparing it for this computer",
    }[progress.step]
    if progress.waiting:
        return f"{word}: trying again in {progress.waiting:.0f} s …"
    if not progress.total:
        return f"{word} …"
    share = progress.done / progress.total
    text = f"{word}: {share:.0%}, {progress.done / 1e6:.1f} of {progress.total / 1e6:.1f} MB"
    return f"{text}, {progress.speed / 1e6:.2f} MB/s" if progress.speed else text


@contextlib.contextmanager
def _watched(name: str) -> Iterator[Work]:
    """A piece of work whose progress is shown."""
    line = _Line()
    try:
        yield Work(name, line.show, threading.Event(), time.monotonic)
    finally:
        line.end()
