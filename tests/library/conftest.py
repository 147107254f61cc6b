"""Small models, and a hub on this machine that has one of them published."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import close_session
from safetensors.torch import save, save_file

from app.core.models import ModelProgress, Quality
from app.library.catalogue import Published
from app.library.download import Patience
from app.library.getting import get
from app.library.hub import Hub
from app.library.progress import Work
from app.library.records import Record
from app.library.store import Store
from tests.library.hub_server import HubServer
from tests.models import SMALL_LITE, small_codec

REPOSITORY = "someone/a_small_model"
AT_ONCE = Patience(tries=2, first_wait=0.0, longest=5.0)
ENTRY = Published(
    "small",
    "Small published model",
    REPOSITORY,
    model_id=1,
    bits=16,
    octets=1000,
    quality=Quality(3.0, 0.1, 0.9, "nobody's figures"),
)


def files_of(seed: int = 0, config: dict[str, Any] | None = None) -> dict[str, bytes]:
    """The two files of a small model."""
    told = json.dumps(config or SMALL_LITE).encode()
    return {"config.json": told, "model.safetensors": save(small_codec(seed).state_dict())}


def put(folder: Path, seed: int = 0) -> Path:
    """A small model in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(SMALL_LITE))
    save_file(small_codec(seed).state_dict(), folder / "model.safetensors")
    return folder


class Getting:
    """A store and a hub, and the ways to get the small model from one to the other."""

    def __init__(self, server: HubServer, folder: Path, entry: Published = ENTRY) -> None:
        self.server = server
        self.store = Store(folder, (entry,))
        self.stop = threading.Event()
        self.told: list[ModelProgress] = []
        self.on_progress = lambda progress: None

    def work(self, name: str = "small") -> Work:
        def tell(progress: ModelProgress) -> None:
            self.told.append(progress)
            self.on_progress(progress)

        return Work(name, tell, self.stop, time.monotonic)

    def get(self, name: str = "small", **more: Any) -> Record:
        hub = Hub(self.server.endpoint)
        return get(name, self.store, hub, self.work(name), patience=AT_ONCE, **more)

    @property
    def part(self) -> Path:
        return self.store.root / "small.part" / "model.safetensors"

    @property
    def weights(self) -> bytes:
        return self.server.repositories[REPOSITORY]["model.safetensors"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    made = HubServer()
    made.repositories[REPOSITORY] = files_of()
    yield made
    made.close()
    close_session()


@pytest.fixture
def getting(server: HubServer, tmp_path: Path) -> Getting:
    return Getting(server, tmp_path / "models")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for a few kilobytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("a small disk needs the right to mount one")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
