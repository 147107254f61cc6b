"""The models on this computer: where they are, what they are, and their removal.

    FOLDER/.pins.json           which versions of published models are trusted
    FOLDER/NAME/                config.json, model.safetensors, record.json: a model, checked
    FOLDER/NAME.part/           the same before it is whole and checked
    FOLDER/.lock                held by whoever changes something

A model is made in NAME.part and gets its name when all is well, so that a folder without that
ending is a model that was whole. The bundled one is in the program and only listed here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock
import platformdirs

from app.core.models import ModelOffer, ModelView
from app.library.catalogue import BUNDLED_QUALITY, FILES, PUBLISHED, Published
from app.library.checks import Loaded
from app.library.errors import (
    BundledStays,
    ModelsError,
    NameRefused,
    NameTaken,
    NoRoom,
    NoSuchModel,
    NotOnDisk,
    StoreBusy,
    StoreUnusable,
)
from app.library.records import RECORD, Record, read_record
from codec.spec import CODES_PER_SECOND, NESTED_MODEL_IDS

BUNDLED = "bundled"
_PART = ".part"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,39}")
SPARE_OCTETS = 16_000_000
"""Room left on a disk that a model is put on: a full one is trouble for everything else."""


def models_folder() -> Path:
    """Where models are kept: under HF_HOME where that is set, else where this system keeps data."""
    if home := os.environ.get("HF_HOME"):
        return Path(os.path.expandvars(home)).expanduser() / "undertone"
    return platformdirs.user_data_path("undertone", appauthor=False) / "models"


@dataclass(frozen=True)
class OnDisk:
    """A model that can be loaded: `name` for `Store.folder`, and what it is without loading it."""

    name: str
    title: str
    offer: ModelOffer


class Store:
    """The models under a folder. Methods may be called from any thread, and read or write disk."""

    def __init__(
        self, folder: Path | None = None, catalogue: Iterable[Published] = PUBLISHED
    ) -> None:
        self.root = (folder or models_folder()).absolute()
        self.catalogue = tuple(catalogue)
        self._bundled: Loaded | None = None
        self._lock = threading.Lock()

    # What there is

    def published(self, name: str) -> Published | None:
        """The catalogue's entry of that name."""
        return next((entry for entry in self.catalogue if entry.name == name), None)

    def known(self) -> tuple[str, ...]:
        """Every name, of models on disk or not."""
        return (BUNDLED, *(entry.name for entry in self.catalogue), *self._imported())

    def views(self) -> tuple[ModelView, ...]:
        """Every model as a person sees it: the bundled, the published, the imported."""
        published = (self._published_view(entry) for entry in self.catalogue)
        imported = (self._view(name, None) for name in self._imported())
        return (self._bundled_view(), *published, *imported)

    def on_disk(self) -> tuple[OnDisk, ...]:
        """What can be loaded, best first, each at its full rate and then at its lower ones."""
        found: list[OnDisk] = []
        for name in (*(entry.name for entry in self.catalogue), *self._imported()):
            try:
                record = self.record(name)
            except ModelsError:
                continue
            found += _at_every_rate(name, record.title, record)
        bundled = self.bundled()
        return (*found, *_at_every_rate(BUNDLED, bundled.title, bundled))

    def folder(self, name: str) -> Path:
        """Where a model lies that can be loaded. Raises NotOnDisk or NoSuchModel."""
        if name == BUNDLED:
            return _bundled_folder()
        if (self.root / name / RECORD).is_file() and _NAME.fullmatch(name):
            return self.root / name
        if self.published(name) is not None:
            raise NotOnDisk(name)
        raise NoSuchModel(name, self.known())

    def record(self, name: str) -> Record:
        """What was written of a model; its files are looked at for their size alone.

        Raises NotOnDisk, NoSuchModel or StoreUnusable.
        """
        folder = self.folder(name)
        record = read_record(folder)
        for file in FILES:
            try:
                octets = (folder / file).stat().st_size
            except OSError as error:
                raise StoreUnusable(folder / file, error.strerror or str(error)) from error
            if octets != record.octets.get(file):
                raise StoreUnusable(folder / file, "it is cut short or was changed")
        return record

    def bundled(self) -> Loaded:
        """What the bundled model is. Raises NotAModel."""
        from app.library.checks import load_to_see

        with self._lock:
            if self._bundled is None:
                self._bundled = load_to_see(_bundled_folder())
            return self._bundled

    # Changing it

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Nobody else changes anything meanwhile, in this process or another. Raises StoreBusy."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # A lock for each use: one object would let the same thread, or another, in twice.
            lock = filelock.FileLock(self.root / ".lock", timeout=0)
            lock.acquire()
        except filelock.Timeout:
            raise StoreBusy from None
        except OSError as error:
            raise StoreUnusable(self.root, error.strerror or str(error)) from error
        try:
            yield
        finally:
            lock.release()

    def part(self, name: str) -> Path:
        """Where a model is made before it is whole. The folder is there then."""
        folder = self.root / (name + _PART)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def must_fit(self, octets: int) -> None:
        """Raise NoRoom where so many bytes more would fill the disk."""
        free = shutil.disk_usage(self.root).free
        if free < octets + SPARE_OCTETS:
            raise NoRoom(self.root, octets + SPARE_OCTETS, free)

    def finish(self, name: str) -> None:
        """Give the model in `part` its name, in place of one that had it. Raises OSError."""
        target, aside = self.root / name, self.root / (name + ".old" + _PART)
        shutil.rmtree(aside, ignore_errors=True)
        if target.exists():
            target.replace(aside)
        self.part(name).replace(target)
        shutil.rmtree(aside, ignore_errors=True)

    def remove(self, name: str) -> None:
        """Remove a model from disk, or what has come of it.

        Raises BundledStays, NoSuchModel, NotOnDisk, StoreBusy or StoreUnusable.
        """
        if name == BUNDLED:
            raise BundledStays
        if not _NAME.fullmatch(name) or name not in self.known():
            raise NoSuchModel(name, self.known())
        there = [path for path in (self.root / name, self._part(name)) if path.exists()]
        if not there:
            raise NotOnDisk(name)
        with self.changing():
            for path in there:
                try:
                    shutil.rmtree(path)
                except OSError as error:
                    raise StoreUnusable(path, error.strerror or str(error)) from error

    def free_name(self, wanted: str, given: bool) -> str:
        """A name for an imported model: as `given` by the person, or made of its own.

        Raises NameRefused or NameTaken for one that was given.
        """
        if given:
            if not _NAME.fullmatch(wanted) or wanted.endswith((_PART, ".")):
                raise NameRefused
            if wanted in self.known() or (self.root / wanted).exists():
                raise NameTaken(wanted)
            return wanted
        base = re.sub(r"[^A-Za-z0-9-]+", "-", wanted).strip("-")[:30] or "model"
        numbers = (base if n == 1 else f"{base}-{n}" for n in range(1, 10_000))
        return next(n for n in numbers if n not in self.known() and not (self.root / n).exists())

    # As a person sees it

    def _imported(self) -> list[str]:
        try:
            names = sorted(path.name for path in self.root.iterdir() if path.is_dir())
        except OSError:
            return []
        published = {entry.name for entry in self.catalogue}
        return [
            name
            for name in names
            if name not in published and not name.endswith(_PART) and _NAME.fullmatch(name)
        ]

    def _part(self, name: str) -> Path:
        return self.root / (name + _PART)

    def _bundled_view(self) -> ModelView:
        folder = _bundled_folder()
        octets = sum((folder / file).stat().st_size for file in FILES)
        config = json.loads((folder / FILES[0]).read_text("utf-8"))
        return ModelView(
            BUNDLED,
            f"Bundled ({config['name']})",
            "bundled",
            _kbit(config["bits"]),
            octets,
            "Apache-2.0",
            BUNDLED_QUALITY,
            on_disk=True,
        )

    def _published_view(self, entry: Published) -> ModelView:
        if (self.root / entry.name).exists():
            return self._view(entry.name, entry)
        partial = sum(_size(self._part(entry.name) / file) for file in FILES)
        return ModelView(
            entry.name,
            entry.title,
            "published",
            _kbit(entry.bits),
            entry.octets,
            entry.licence,
            entry.quality,
            octets_exact=False,
            partial=partial,
            revision=entry.revision,
        )

    def _view(self, name: str, entry: Published | None) -> ModelView:
        octets = sum(_size(self.root / name / file) for file in FILES)
        try:
            record, problem = self.record(name), ""
        except ModelsError as error:
            record, problem = None, str(error)
        kind = "published" if entry is not None else "imported"
        bits = record.bits if record else entry.bits if entry else 0
        return ModelView(
            name,
            entry.title if entry else f"{record.title if record else name} (imported)",
            kind,  # type: ignore[arg-type]
            _kbit(bits),
            octets,
            entry.licence if entry else "not told",
            entry.quality if entry else None,
            on_disk=True,
            revision=record.revision if record else "",
            digest=record.digest if record else 0,
            problem=problem,
        )


def _at_every_rate(name: str, title: str, model: Record | Loaded) -> Iterator[OnDisk]:
    yield OnDisk(name, title, ModelOffer(model.model_id, model.digest))
    for bits in sorted(model.rates, reverse=True):
        if bits != model.bits and bits in NESTED_MODEL_IDS:
            lower = f"{title} at {_kbit(bits):.2f} kbit/s"
            yield OnDisk(f"{name}@{bits}", lower, ModelOffer(NESTED_MODEL_IDS[bits], model.digest))


def _bundled_folder() -> Path:
    from codec.weights import find

    return find(BUNDLED).config.parent


def _kbit(bits: int) -> float:
    return bits * CODES_PER_SECOND / 1000


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
