"""A thread that does one thing after another, for work that may take seconds."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from app.core.errors import UndertoneError

T = TypeVar("T")


class WorkerStopped(UndertoneError):
    """Undertone is closing."""


class Worker:
    """Runs what is submitted, in order. It is a daemon: a hung driver keeps nobody from leaving."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Run `work` when all before it is done. After `stop`, the future fails at once."""
        done: Future[T] = Future()

        def job() -> None:
            try:
                done.set_result(work(*arguments))
            except BaseException as error:
                done.set_exception(error)

        with self._lock:
            if self._stopped:
                done.set_exception(WorkerStopped())
            else:
                self._jobs.put(job)
        return done

    def stop(self, timeout: float) -> bool:
        """Finish what was submitted and end; whether that took less than `timeout` seconds."""
        with self._lock:
            if not self._stopped:
                self._stopped = True
                self._jobs.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
