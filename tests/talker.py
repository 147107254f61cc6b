"""A headless call in a process of its own, for tests of two who call each other."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO

PATIENCE = 120


class Talker:
    """`undertone call --headless` with these arguments; `within` is a command that runs others."""

    def __init__(
        self, environment: dict[str, str], *arguments: object, within: Sequence[str] = ()
    ) -> None:
        self.process = subprocess.Popen(
            [*within, sys.executable, "-m", "app", "call", "--headless", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._links: queue.Queue[str] = queue.Queue()
        self._said: list[str] = []
        self._reading = [
            self._read(self.process.stdout, self._links.put),
            self._read(self.process.stderr, self._said.append),
        ]

    def link(self) -> str:
        """The next line on standard output."""
        return self._links.get(timeout=PATIENCE).strip()

    def paste(self, line: str) -> None:
        """Give a line on standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def wait_for(self, words: str) -> None:
        """Wait until these words were said on standard error."""
        until = time.monotonic() + PATIENCE
        while words not in "".join(self._said):
            assert self.process.poll() is None, self.said
            assert time.monotonic() < until, self.said
            time.sleep(0.05)

    def wait(self) -> int:
        """The exit status, once it has ended."""
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it for good."""
        self.process.kill()
        self.process.wait(PATIENCE)

    @property
    def said(self) -> str:
        """All that was said on standard error up to now, or to the end."""
        if self.process.poll() is not None:
            for thread in self._reading:
                thread.join(5)
        return "".join(self._said)

    def _read(self, stream: IO[str] | None, take: Callable[[str], None]) -> threading.Thread:
        def read() -> None:
            for line in stream or ():
                take(line)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread
