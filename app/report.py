"""A call's meters in a file, for a script to read."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

from app.core.errors import UndertoneError
from app.core.state import CallReading

_EVERY_SECONDS = 0.25


class ReportNotWritable(UndertoneError):
    """The report could not be written. Give another file, or make room."""

    def __init__(self, path: Path, words: str) -> None:
        super().__init__(
            f"The report {path} could not be written ({words}). Give another file, or make room."
        )


class ReportFile:
    """Writes a line of JSON four times a second and at the end.

    It holds `at`, Unix time in seconds, and the fields of `CallReading`. Raises ReportNotWritable,
    when it is made and at any line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = 0.0
        self._write("w", "")

    def note(self, reading: CallReading, *, is_last: bool = False) -> None:
        """Write a line, if one is due."""
        if not is_last and time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY_SECONDS
        self._write("a", json.dumps({"at": time.time(), **asdict(reading)}) + "\n")

    def _write(self, mode: str, text: str) -> None:
        try:
            with open(self._path, mode, encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise ReportNotWritable(self._path, error.strerror or str(error)) from error
