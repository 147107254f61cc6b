from __future__ import annotations

import hashlib
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from app.library.errors import Cancelled, NameRefused, NameTaken, NotAModel, PickleRefused
from app.library.importing import take_in
from codec.weights import load
from tests.library.conftest import ENTRY, Getting, files_of, put


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return put(tmp_path / "usb stick")


@pytest.mark.parametrize("file", ["", "config.json", "model.safetensors"])
def test_a_folder_or_one_of_its_files_is_taken_in(getting: Getting, source, file) -> None:
    record = take_in(source / file, getting.store, getting.work())
    assert record.name == "small-lite"
    assert record.source == "imported"
    assert load(getting.store.folder("small-lite")).spec.digest == record.digest
    view = getting.store.views()[-1]
    assert (view.name, view.kind, view.on_disk) == ("small-lite", "imported", True)
    assert view.quality is None
    assert view.licence == "not told"


def test_each_gets_a_name_of_its_own(getting: Getting, source: Path) -> None:
    names = [take_in(source, getting.store, getting.work()).name for _ in range(3)]
    assert names == ["small-lite", "small-lite-2", "small-lite-3"]
    assert take_in(source, getting.store, getting.work(), "mine").name == "mine"
    with pytest.raises(NameTaken):
        take_in(source, getting.store, getting.work(), "mine")
    for taken in ("small", "bundled"):
        with pytest.raises(NameTaken):
            take_in(source, getting.store, getting.work(), taken)
    for odd in ("", "../x", "a@12", "x.part", "é"):
        with pytest.raises(NameRefused):
            getting.store.free_name(odd, given=True)


def test_the_published_files_take_the_published_place(getting: Getting, tmp_path: Path) -> None:
    data = files_of()
    source = tmp_path / "downloads"
    source.mkdir()
    for name, octets in data.items():
        (source / name).write_bytes(octets)
    assert take_in(source, getting.store, getting.work()).name == "small-lite"
    known = {name: hashlib.sha256(octets).hexdigest() for name, octets in data.items()}
    getting.store.catalogue = (replace(ENTRY, sha256=known),)
    assert take_in(source, getting.store, getting.work()).name == "small"
    assert getting.store.views()[1].on_disk


def test_a_version_trusted_once_is_known_again_without_the_internet(getting, tmp_path) -> None:
    getting.get()
    source = tmp_path / "copy"
    (getting.store.root / "small").rename(source)
    getting.server.close()
    assert take_in(source, getting.store, getting.work()).name == "small"


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "checkpoint.ckpt", "x.PTH"])
def test_a_pickle_is_refused_by_its_name(getting: Getting, tmp_path: Path, name: str) -> None:
    path = tmp_path / "downloaded" / name
    path.parent.mkdir()
    torch.save({"a": torch.zeros(3)}, path)
    for given in (path, path.parent):
        with pytest.raises(PickleRefused, match="never opened"):
            take_in(given, getting.store, getting.work())
    assert len(getting.store.views()) == 2


@pytest.mark.parametrize("make", ["torch", "pickle", "page", "text"])
def test_a_pickle_is_refused_whatever_it_is_called(getting: Getting, source: Path, make) -> None:
    weights = source / "model.safetensors"
    match make:
        case "torch":
            torch.save({"a": torch.zeros(3)}, weights)
        case "pickle":
            weights.write_bytes(pickle.dumps(_Trap()))
        case "page":
            weights.write_text("<!doctype html>")
        case "text":
            weights.write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(NotAModel, match="not a safetensors file"):
        take_in(source, getting.store, getting.work())
    assert not _Trap.sprung
    assert [path.name for path in getting.store.root.iterdir()] == [".lock"]


class _Trap:
    sprung = False

    def __reduce__(self) -> tuple:
        return (setattr, (_Trap, "sprung", True))


@pytest.mark.parametrize("damage", ["missing", "cut", "shapes"])
def test_what_is_no_model_is_told_in_the_codecs_words(getting, source: Path, damage) -> None:
    weights = source / "model.safetensors"
    match damage:
        case "missing":
            weights.unlink()
        case "cut":
            weights.write_bytes(weights.read_bytes()[:-100])
        case "shapes":
            (source / "config.json").write_text('{"model_type": "undertone-lite", "bits": 5}')
    with pytest.raises(NotAModel):
        take_in(source, getting.store, getting.work())
    with pytest.raises(NotAModel):
        take_in(source / "nowhere", getting.store, getting.work())


def test_stopped_it_leaves_nothing_behind(getting: Getting, source: Path) -> None:
    def stop(progress) -> None:
        if progress.step == "copying":
            getting.stop.set()

    getting.on_progress = stop
    with pytest.raises(Cancelled):
        take_in(source, getting.store, getting.work())
    assert [path.name for path in getting.store.root.iterdir()] == [".lock"]
