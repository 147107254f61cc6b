"""Taking in a model from files, for who has no Internet here or has trained one.

A file that is by its sha256 the published one (as the catalogue or the trusted version has it)
takes the published model's place; any other keeps a name of its own, since nobody can tell where it
is from.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from app.library.catalogue import CONFIG, FILES, WEIGHTS
from app.library.checks import blocks, load_to_see, prepare, sha256_of, two_files
from app.library.download import writing
from app.library.errors import StoreUnusable
from app.library.progress import Work
from app.library.records import Record, read_pins, write_record
from app.library.store import Store


def take_in(path: Path, store: Store, work: Work, name: str = "") -> Record:
    """Copy the model at `path` (a folder, or one of its two files) into the store, and check it.

    `name` is what to call it; by default it is made of the model's own. Raises a ModelsError.
    """
    sources = dict(zip(FILES, two_files(path), strict=True))
    with store.changing():
        if name:
            store.free_name(name, given=True)
        work.begin("loading")
        loaded = load_to_see(_as_folder(sources))
        total = sum(source.stat().st_size for source in sources.values())
        called = name or _published_name(store, sources, work, total)
        called = called or store.free_name(loaded.title, given=False)
        store.must_fit(total)
        shutil.rmtree(store.part(called))
        part = store.part(called)
        try:
            work.begin("copying", 0, total)
            sha256 = {file: _copy(source, part / file, work) for file, source in sources.items()}
            entry = store.published(called)
            record = Record(
                called,
                entry.title if entry else loaded.title,
                loaded.model_id,
                loaded.bits,
                loaded.digest,
                loaded.rates,
                source="imported",
                origin=str(path.absolute()),
                octets={file: (part / file).stat().st_size for file in FILES},
                sha256=sha256,
            )
            prepare(part, work)
            with writing(part):
                write_record(part, record)
                store.finish(called)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        return record


def _as_folder(sources: dict[str, Path]) -> Path:
    """What `codec.weights.load` takes for these two files: the weights, beside their config."""
    return sources[WEIGHTS]


def _published_name(store: Store, sources: dict[str, Path], work: Work, total: int) -> str:
    """The published model these files are, by their sha256; "" when they are none that is known."""
    pins = read_pins(store.root)
    known = {}
    for entry in store.catalogue:
        trusted = {**(pins[entry.name].sha256 if entry.name in pins else {}), **entry.sha256}
        if set(trusted) >= set(FILES):
            known[trusted[CONFIG], trusted[WEIGHTS]] = entry.name
    if not known:
        return ""
    work.begin("checking", 0, total)
    return known.get((sha256_of(sources[CONFIG], work), sha256_of(sources[WEIGHTS], work)), "")


def _copy(source: Path, target: Path, work: Work) -> str:
    """Copy a file and make sure that what is on disk then is the same; its sha256."""
    sha = hashlib.sha256()
    with writing(target), target.open("wb") as out:
        for block in blocks(source):
            sha.update(block)
            out.write(block)
            work.add(len(block))
        out.flush()
        os.fsync(out.fileno())
    if sha256_of(target) != sha.hexdigest():
        raise StoreUnusable(target, "the copy differs from the file it was made from")
    return sha.hexdigest()
