"""What is written down beside the models: of each what it is, and which versions are trusted.

Both are JSON. A record that cannot be read makes its model unusable and nothing else; pins that
cannot be read stop downloads, since without them the trust they hold would be lost unsaid.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from app.library.errors import StoreUnusable

RECORD = "record.json"
PINS = ".pins.json"


@dataclass(frozen=True)
class Record:
    """A model on disk, as it was when it came and was loaded to see.

    `octets` and `sha256` go by file name. `source` says where it is from: "published" or
    "imported"; `origin` is the repository or the path. `revision` is the commit, or "".
    """

    name: str
    title: str
    model_id: int
    bits: int
    digest: int
    rates: tuple[int, ...]
    source: str
    origin: str
    revision: str = ""
    octets: Mapping[str, int] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pin:
    """The version of a published model that is trusted: its commit, and each file's sha256."""

    repository: str
    revision: str
    sha256: Mapping[str, str]


def read_record(folder: Path) -> Record:
    """The record in a model's folder. Raises StoreUnusable."""
    path = folder / RECORD
    kept = _read(path)
    try:
        record = Record(**{**kept, "rates": tuple(map(int, kept["rates"]))})
        numbers = (record.model_id, record.bits, record.digest, *record.octets.values())
        texts = (record.name, record.title, record.source, record.origin, record.revision)
        sound = all(isinstance(n, int) for n in numbers) and all(isinstance(t, str) for t in texts)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise StoreUnusable(path, "it is damaged") from error
    if not sound:
        raise StoreUnusable(path, "it is damaged")
    return record


def write_record(folder: Path, record: Record) -> None:
    """Write a model's record. Raises OSError."""
    write_json(folder / RECORD, asdict(record))


def read_pins(folder: Path) -> dict[str, Pin]:
    """The trusted versions by the name of the model. Raises StoreUnusable."""
    path = folder / PINS
    if not path.exists():
        return {}
    try:
        pins = {name: Pin(**pin) for name, pin in _read(path).items()}
        sound = all(
            isinstance(text, str)
            for pin in pins.values()
            for text in (pin.repository, pin.revision, *pin.sha256.values())
        )
    except (TypeError, AttributeError) as error:
        raise StoreUnusable(path, "it is damaged") from error
    if not sound:
        raise StoreUnusable(path, "it is damaged")
    return pins


def write_pin(folder: Path, name: str, pin: Pin) -> None:
    """Trust a version from now on. Raises OSError or StoreUnusable."""
    pins = {**read_pins(folder), name: pin}
    write_json(folder / PINS, {name: asdict(pin) for name, pin in pins.items()})


def write_json(path: Path, value: object) -> None:
    """Write a small file whole or not at all. Raises OSError."""
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(value, indent=2), "utf-8")
    unfinished.replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_bytes())
    except OSError as error:
        raise StoreUnusable(path, error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        raise StoreUnusable(path, "it is damaged") from error
    if not isinstance(kept, dict):
        raise StoreUnusable(path, "it is damaged")
    return kept
