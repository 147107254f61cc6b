from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.core.models import ModelOffer
from app.library.errors import (
    BundledStays,
    NoSuchModel,
    NotOnDisk,
    StoreBusy,
    StoreUnusable,
)
from app.library.importing import take_in
from app.library.store import Store, models_folder
from codec.weights import load
from tests.library.conftest import ENTRY, Getting, put
from tests.models import SMALL_LITE


def test_models_are_kept_under_hf_home_where_that_is_set(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert models_folder() == tmp_path / "undertone"
    monkeypatch.delenv("HF_HOME")
    assert models_folder().name == "models"


def test_the_bundled_model_is_listed_first_and_stays(tmp_path: Path) -> None:
    store = Store(tmp_path / "none")
    bundled, *published = store.views()
    assert bundled.on_disk
    assert not bundled.removable
    assert [view.name for view in published] == ["65k", "4k", "2k"]
    assert not any(view.on_disk for view in published)
    with pytest.raises(BundledStays):
        store.remove("bundled")
    spec = load("bundled").spec
    offers = [found.offer for found in store.on_disk()]
    assert ModelOffer(spec.model_id, spec.digest) in offers
    assert load(store.folder("bundled")).spec == spec


def test_the_catalogue_names_what_the_codec_computes() -> None:
    """The sizes and rates shown are those of the networks themselves."""
    from codec.spec import FOCALCODEC_MODEL_IDS
    from codec.weights import build

    tensors = build(FULL_SIZE).state_dict()
    a_bit = sum(t.numel() // 12 for t in tensors.values() if 12 in t.shape)
    for entry in Store().catalogue:
        assert entry.model_id == FOCALCODEC_MODEL_IDS[2**entry.bits]
        weights = sum(t.numel() for t in tensors.values()) + (entry.bits - 12) * a_bit
        assert entry.octets == 4 * weights


FULL_SIZE = {
    "encoder_name": "WavLM",
    "encoder_config": {"causal": True},
    "compressor_name": "FocalEncoder",
    "compressor_config": {"causal": True},
    "quantizer_name": "BinarySphericalQuantizer",
    "quantizer_config": {"codebook_size": 2**12},
    "decompressor_name": "FocalDecoder",
    "decompressor_config": {"causal": True},
    "decoder_name": "WaveNeXt",
    "decoder_config": {"causal": True},
}


def test_what_is_removed_is_gone_and_its_broken_off_download_too(getting: Getting) -> None:
    getting.get()
    getting.store.part("small")
    assert getting.store.views()[1].removable
    getting.store.remove("small")
    assert not getting.store.views()[1].removable
    with pytest.raises(NotOnDisk):
        getting.store.folder("small")
    with pytest.raises(NotOnDisk):
        getting.store.remove("small")


def test_removal_waits_for_nobody(getting: Getting) -> None:
    getting.get()
    with getting.store.changing(), pytest.raises(StoreBusy):
        Store(getting.store.root, (ENTRY,)).remove("small")


@pytest.mark.parametrize("name", ["../x", "small/..", "", "none", ".pins.json", "x.part"])
def test_no_name_leads_out_of_the_folder(getting: Getting, name: str) -> None:
    getting.get()
    (getting.store.root / "x.part").mkdir()
    with pytest.raises(NoSuchModel):
        getting.store.folder(name)
    with pytest.raises(NoSuchModel):
        getting.store.remove(name)


@pytest.mark.parametrize(
    "record", ["{", "[]", "{}", '{"name": "small", "rates": 5}', None], ids=repr
)
def test_a_damaged_record_makes_its_model_unusable_and_says_so(getting: Getting, record) -> None:
    getting.get()
    path = getting.store.root / "small" / "record.json"
    kept = json.loads(path.read_text())
    path.write_text(record if record is not None else json.dumps({**kept, "digest": "x"}))
    view = getting.store.views()[1]
    assert "damaged" in view.problem
    assert view.removable
    assert not any(found.name.startswith("small") for found in getting.store.on_disk())
    getting.get()  # It comes anew.
    assert not getting.store.views()[1].problem


def test_a_model_cut_short_on_disk_is_no_offer(getting: Getting) -> None:
    getting.get()
    weights = getting.store.root / "small" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert "cut short" in getting.store.views()[1].problem
    with pytest.raises(StoreUnusable):
        getting.store.record("small")


def test_a_model_of_several_rates_is_offered_at_each(getting: Getting, tmp_path: Path) -> None:
    source = put(tmp_path / "nested")
    (source / "config.json").write_text(json.dumps({**SMALL_LITE, "rates": [11, 12, 16]}))
    record = take_in(source, getting.store, getting.work(), "nested")
    offers = {found.name: found.offer for found in getting.store.on_disk()}
    assert offers["nested"] == ModelOffer(1, record.digest)
    assert offers["nested@12"] == ModelOffer(5, record.digest)
    assert offers["nested@11"] == ModelOffer(6, record.digest)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "models")
    assert len(store.views()) == 4
    with pytest.raises(StoreUnusable), store.changing():
        pass
