"""Getting a published model: which version, its files, and whether they are the right ones.

The version is, in this order: the catalogue's, the one trusted before, the newest. A file's sha256
is the catalogue's, the trusted one, or what the server says. So a first download whose hash the
catalogue does not know rests on the server (and on HTTPS to it); what it brought is trusted from
then on and held against every later download, until the person asks for a new version.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from app.library.catalogue import CONFIG, FILES, WEIGHTS, Published
from app.library.checks import git_sha1_of, load_to_see, prepare, sha256_of
from app.library.download import Patience, download, patiently, writing
from app.library.errors import (
    DownloadDamaged,
    HubMakesNoSense,
    ModelsError,
    NoSuchModel,
    NotThatModel,
    VersionChanged,
)
from app.library.hub import NEWEST, Hub, HubFile
from app.library.progress import Work
from app.library.records import Pin, Record, read_pins, write_json, write_pin, write_record
from app.library.store import Store

_RESUME = "resume.json"
MAX_CONFIG_OCTETS = 1_000_000
_TRIES_TO_ASK = 2
"""Who has no network is to hear of it soon."""


@dataclass(frozen=True)
class _Plan:
    """The files to bring, all of one commit, with the sha256 each has to have ("" if unknown)."""

    files: tuple[HubFile, ...]
    sha256: dict[str, str]

    @property
    def commit(self) -> str:
        return self.files[0].commit

    @property
    def octets(self) -> int:
        return sum(file.octets for file in self.files)


def get(
    name: str,
    store: Store,
    hub: Hub,
    work: Work,
    *,
    new_version: bool = False,
    patience: Patience | None = None,
) -> Record:
    """Bring a published model to disk, check it, and write down what it is.

    One that is on disk and sound stays as it is, unless a `new_version` is asked for. Raises a
    ModelsError; what has come is kept then, unless it is damaged.
    """
    entry = store.published(name)
    if entry is None:
        raise NoSuchModel(name, tuple(each.name for each in store.catalogue))
    with store.changing():
        if not new_version and (there := _sound(store, name)) is not None:
            return there
        work.begin("asking")
        pin = None if new_version else read_pins(store.root).get(name)
        patience = patience or Patience()
        asking = replace(patience, tries=min(patience.tries, _TRIES_TO_ASK))
        plan = patiently(lambda: _plan(entry, hub, pin), work, asking)
        part = _part(store, name, plan)
        _bring(plan, part, store, hub, work, patience)
        sha256 = _check(plan, part, work)
        return _take_in(entry, plan, sha256, part, store, work)


def _sound(store: Store, name: str) -> Record | None:
    try:
        return store.record(name)
    except ModelsError:
        return None


def _plan(entry: Published, hub: Hub, pin: Pin | None) -> _Plan:
    trusted = {**(pin.sha256 if pin else {}), **entry.sha256}
    revision = entry.revision or (pin.revision if pin else NEWEST)
    config = hub.describe(entry.repository, CONFIG, revision)
    weights = hub.describe(entry.repository, WEIGHTS, config.commit)
    if weights.commit != config.commit:
        raise HubMakesNoSense(hub.server, "its files are of two versions")
    if config.octets > MAX_CONFIG_OCTETS:
        raise HubMakesNoSense(hub.server, f"{CONFIG} has {config.octets} bytes")
    expected = {}
    for file in (config, weights):
        known = trusted.get(file.path, "")
        if known and file.sha256 and known != file.sha256:
            raise VersionChanged(entry.name)
        expected[file.path] = known or file.sha256
    if not expected[WEIGHTS]:
        raise HubMakesNoSense(hub.server, f"it does not tell the sha256 of {WEIGHTS}")
    return _Plan((config, weights), expected)


def _part(store: Store, name: str, plan: _Plan) -> Path:
    """The folder to download into, emptied when it holds another version's files."""
    part = store.part(name)
    with writing(part):
        note, wanted = part / _RESUME, {"commit": plan.commit, "sha256": plan.sha256}
        try:
            same = json.loads(note.read_bytes()) == wanted
        except (OSError, ValueError):
            same = False
        if not same:
            shutil.rmtree(part)
            part.mkdir()
            write_json(note, wanted)
    return part


def _bring(plan: _Plan, part: Path, store: Store, hub: Hub, work: Work, patience: Patience) -> None:
    for file in plan.files:
        _take_from_cache(plan, file, part, hub)
    have = sum(min(_size(part / file.path), file.octets) for file in plan.files)
    store.must_fit(plan.octets - have)
    work.begin("downloading", have, plan.octets)
    for file in plan.files:
        download(hub, file, part / file.path, work, patience)


def _take_from_cache(plan: _Plan, file: HubFile, part: Path, hub: Hub) -> None:
    """What another program downloaded with the same client need not be downloaded again."""
    target, cached = part / file.path, hub.cached(file)
    if cached is None or target.exists() or not plan.sha256[file.path]:
        return
    if sha256_of(Path(cached)) == plan.sha256[file.path]:
        try:
            os.link(os.path.realpath(cached), target)
        except OSError:
            with writing(target):
                shutil.copyfile(cached, target)


def _check(plan: _Plan, part: Path, work: Work) -> dict[str, str]:
    """The sha256 of each file. Raises DownloadDamaged, and throws away what is damaged."""
    work.begin("checking", 0, plan.octets)
    found = {}
    for file in plan.files:
        path = part / file.path
        found[file.path] = sha256_of(path, work)
        wrong = plan.sha256[file.path] not in ("", found[file.path])
        if wrong or (file.git_sha1 and git_sha1_of(path) != file.git_sha1):
            path.unlink()
            raise DownloadDamaged(file.path)
    return found


def _take_in(
    entry: Published, plan: _Plan, sha256: dict[str, str], part: Path, store: Store, work: Work
) -> Record:
    work.begin("loading")
    loaded = load_to_see(part)
    if (loaded.model_id, loaded.bits) != (entry.model_id, entry.bits):
        raise NotThatModel(entry.name, loaded.title)
    prepare(part, work)
    record = Record(
        entry.name,
        entry.title,
        loaded.model_id,
        loaded.bits,
        loaded.digest,
        loaded.rates,
        source="published",
        origin=entry.repository,
        revision=plan.commit,
        octets={file: _size(part / file) for file in FILES},
        sha256=sha256,
    )
    with writing(part):
        (part / _RESUME).unlink(missing_ok=True)
        write_record(part, record)
        store.finish(entry.name)
        write_pin(store.root, entry.name, Pin(entry.repository, plan.commit, sha256))
    return record


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
