"""The models as front ends command them: see, get, import, remove.

Downloads and imports, which may take hours, have a thread of their own, one at a time; so has what
takes seconds. Neither is the sound's or the network's, so a call goes on meanwhile.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from app.core.errors import UndertoneError
from app.core.meter import Clock
from app.core.models import ModelProgress, ModelView
from app.core.state import Event, ModelsChanged, ModelWork
from app.engine.model import Models
from app.engine.worker import Worker
from app.library.getting import get
from app.library.hub import Hub
from app.library.importing import take_in
from app.library.progress import Work
from app.library.store import Store

log = logging.getLogger(__name__)

T = TypeVar("T")


class NoShelf(UndertoneError):
    """Here only the model it was started with can be used."""


class OneAtATime(UndertoneError):
    """Another model is being brought here. Wait until it is there, or stop that first."""


class ModelInUse(UndertoneError):
    """This model is the one chosen. Choose another first."""


class Shelf:
    """The models of an engine. Methods return at once, from any thread; futures raise in words."""

    def __init__(
        self,
        models: Models,
        listen: Callable[[Event], None],
        clock: Clock,
        hub: Callable[[], Hub] = Hub,
    ) -> None:
        self._models, self._listen, self._clock, self._hub = models, listen, clock, hub
        self._quick, self._long = Worker("models"), Worker("model files")
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._busy = False

    def see(self) -> Future[tuple[ModelView, ...]]:
        """The models there are; `ModelsChanged` follows too."""
        return self._quick.submit(self._look)

    def get(self, name: str) -> Future[None]:
        """Download a published model, going on where it was broken off. `ModelWork` tells."""
        return self._at_length(name, lambda store, work: get(name, store, self._hub(), work))

    def take_in(self, path: Path) -> Future[None]:
        """Import a model from a folder or file. `ModelWork` tells."""
        return self._at_length(path.name, lambda store, work: take_in(path, store, work))

    def stop(self) -> None:
        """Stop the download or import; its future raises Cancelled."""
        self._stop.set()

    def remove(self, name: str) -> Future[None]:
        """Remove a model from disk, unless it is the chosen one."""
        return self._quick.submit(self._remove, name)

    def submit(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Do what takes seconds on the thread for that, as loading a model for a call."""
        return self._quick.submit(work, *arguments)

    def close(self, timeout: float) -> None:
        """Stop every thread; one that does not answer is left behind."""
        self._stop.set()
        for worker in (self._quick, self._long):
            if not worker.stop(timeout):
                log.warning("The work on a model does not end; its thread is left behind.")

    def _at_length(self, name: str, work: Callable[[Store, Work], object]) -> Future[None]:
        with self._lock:
            if self._busy:
                return _refused(OneAtATime())
            self._busy = True
            self._stop.clear()
        return self._long.submit(self._do, name, work)

    def _do(self, name: str, work: Callable[[Store, Work], object]) -> None:
        try:
            work(self._store(), Work(name, self._tell, self._stop, self._clock))
        finally:
            with self._lock:
                self._busy = False
            self._listen(ModelWork(None))
            self._quick.submit(self._look)

    def _tell(self, progress: ModelProgress) -> None:
        self._listen(ModelWork(progress))

    def _remove(self, name: str) -> None:
        if self._models.chosen.partition("@")[0] == name:
            raise ModelInUse
        store = self._store()
        self._models.forget(name)
        store.remove(name)
        self._look()

    def _look(self) -> tuple[ModelView, ...]:
        views = self._store().views()
        self._models.look()
        self._listen(ModelsChanged(views))
        return views

    def _store(self) -> Store:
        if self._models.store is None:
            raise NoShelf
        return self._models.store


def _refused(error: UndertoneError) -> Future[None]:
    future: Future[None] = Future()
    future.set_exception(error)
    return future
