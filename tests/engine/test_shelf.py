"""The models as front ends command them, with real files and a hub on this machine."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import Stopped
from app.core.models import ModelOffer
from app.core.state import ModelsChanged, ModelWork
from app.engine.model import BUNDLED, Models
from app.engine.shelf import NoShelf, OneAtATime, Shelf
from app.engine.worker import WorkerStopped
from app.library.errors import NotAModel
from app.library.hub import Hub
from tests.library.conftest import Getting, getting, put, server  # noqa: F401
from tests.library.hub_server import Trouble
from tests.models import small_codec

TIMEOUT = 30.0


class Shelved:
    """A shelf over a store and a hub, and all it told."""

    def __init__(self, getting: Getting) -> None:  # noqa: F811
        self.events: queue.Queue[Any] = queue.Queue()
        self.models = Models(small_codec(), BUNDLED, getting.store)
        self.hub_server = getting.server
        hub = lambda: Hub(getting.server.endpoint)  # noqa: E731
        self.shelf = Shelf(self.models, self.events.put, time.monotonic, hub)

    def wait_for(self, wanted: Any) -> Any:
        while not wanted(event := self.events.get(timeout=TIMEOUT)):
            pass
        return event

    def names(self) -> list[str]:
        return [own.name for own in self.models.own()]


@pytest.fixture
def shelved(getting: Getting) -> Iterator[Shelved]:  # noqa: F811
    made = Shelved(getting)
    yield made
    made.hub_server.go_on.set()
    made.shelf.close(TIMEOUT)


def test_what_is_got_is_told_and_offered(shelved: Shelved) -> None:
    assert "small" not in shelved.names()
    shelved.shelf.get("small").result(TIMEOUT)
    steps = []
    while (event := shelved.events.get(timeout=TIMEOUT)) != ModelWork(None):
        steps.append(event.progress.step)
    assert steps[0] == "asking"
    assert steps[-1] == "preparing"
    changed = shelved.wait_for(lambda e: isinstance(e, ModelsChanged))
    assert [model.name for model in changed.models if model.on_disk] == [BUNDLED, "small"]
    assert "small" in shelved.names()
    assert shelved.models.load("small").spec.digest == changed.models[1].digest


def test_one_at_a_time_and_stopped_what_came_is_kept(shelved: Shelved) -> None:
    shelved.hub_server.troubles = [Trouble(wait_after=5000)]
    getting_it = shelved.shelf.get("small")
    shelved.wait_for(lambda e: isinstance(e, ModelWork) and e.progress.step == "downloading")
    with pytest.raises(OneAtATime):
        shelved.shelf.take_in(Path("anything")).result(TIMEOUT)
    seen = shelved.shelf.see()  # What takes a moment does not wait for what takes hours.
    assert len(seen.result(TIMEOUT)) == 2
    shelved.shelf.stop()
    shelved.hub_server.go_on.set()
    with pytest.raises(Stopped):
        getting_it.result(TIMEOUT)
    shelved.wait_for(lambda e: e == ModelWork(None))
    shelved.wait_for(lambda e: isinstance(e, ModelsChanged))
    shelved.shelf.get("small").result(TIMEOUT)


def test_files_are_taken_in_and_refused_in_words(shelved: Shelved, tmp_path: Path) -> None:
    with pytest.raises(NotAModel):
        shelved.shelf.take_in(tmp_path / "nothing").result(TIMEOUT)
    shelved.wait_for(lambda e: e == ModelWork(None))
    shelved.shelf.take_in(put(tmp_path / "usb")).result(TIMEOUT)
    shelved.wait_for(lambda e: isinstance(e, ModelsChanged) and len(e.models) == 3)
    assert shelved.names() == [BUNDLED, "small-lite", *shelved.names()[2:]]
    shelved.shelf.remove("small-lite").result(TIMEOUT)
    assert "small-lite" not in shelved.names()


def test_without_a_store_there_is_the_model_it_began_with_alone() -> None:
    models = Models(small_codec(), "mine")
    shelf = Shelf(models, lambda event: None, time.monotonic)
    assert [own.offer for own in models.own()] == [ModelOffer(1, 0)]
    for asked in (shelf.see(), shelf.get("2k"), shelf.remove("2k")):
        with pytest.raises(NoShelf):
            asked.result(TIMEOUT)
    shelf.close(TIMEOUT)
    with pytest.raises(WorkerStopped):
        shelf.see().result(TIMEOUT)
