from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from codec.errors import ModelMissing, RateUnknown, UnknownModel
from codec.model.codec import Codec
from codec.model.focalcodec import FocalCodec
from codec.model.lite import LiteCodec
from codec.runtime import products, stored
from codec.runtime.choice import Choice
from codec.runtime.loading import keep_int8, load_to_stream
from codec.runtime.products import PrecisionUnknown
from codec.runtime.quick import QuickFocalCodec
from codec.weights import load
from tests.models import SMALL_LITE, small_codec


@pytest.fixture
def folder(small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small FocalCodec's files, all its matrices to be packed, and a cache of its own."""
    monkeypatch.setattr(products, "MIN_ELEMENTS", 64)
    monkeypatch.setattr(stored, "MIN_ELEMENTS", 64)
    monkeypatch.setattr(stored, "cache_folder", lambda: tmp_path / "cache")
    folder = tmp_path / "model"
    folder.mkdir()
    for file in small_folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def kept(folder: Path) -> Path:
    return folder / "model.safetensors.int8"


def heard(codec: Codec) -> Tensor:
    codes = torch.arange(5 * 4)[None]
    return codec.decode(codes)[0]


def assert_as_first(folder: Path, wave: Tensor) -> None:
    """What is loaded now is int8 and decodes to this."""
    codec = load_to_stream(folder, precision="int8")
    assert isinstance(codec, QuickFocalCodec)
    assert torch.equal(heard(codec), wave)


def test_int8_is_made_once_and_is_the_same_from_its_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_to_stream(folder, precision="int8")
    assert kept(folder).is_file()
    assert sorted(file.name for file in folder.iterdir()) == [
        "config.json",
        "model.safetensors",
        "model.safetensors.int8",
    ]
    monkeypatch.setattr("codec.runtime.loading.load", lambda *_: pytest.fail("loaded again"))
    second = load_to_stream(folder, precision="int8")
    assert torch.equal(heard(first), heard(second))
    sig = torch.randn(1, 1280 * 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(first.encode(sig)[0], second.encode(sig)[0])
    assert first.spec == second.spec
    assert first.spec.digest != 0


def test_what_was_just_converted_is_read_from_its_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = stored.keep

    def keep_others(kept: dict[str, Tensor], *rest: Any) -> Path | None:
        halved = {n: t * 0.5 if n.endswith(stored.SCALE) else t for n, t in kept.items()}
        return keep(halved, *rest)

    monkeypatch.setattr(stored, "keep", keep_others)
    assert_as_first(folder, heard(load_to_stream(folder, precision="int8")))


def test_a_model_can_be_converted_before_it_is_needed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codec.runtime.loading.chosen", lambda *_: Choice("int8", 1, {}))
    keep_int8(folder)
    monkeypatch.setattr("codec.runtime.loading.load", lambda *_: pytest.fail("loaded again"))
    keep_int8(folder)
    assert isinstance(load_to_stream(folder), QuickFocalCodec)


def test_a_model_that_runs_best_as_it_is_is_not_converted(folder: Path) -> None:
    keep_int8(folder)
    assert not kept(folder).exists()


def test_it_is_near_the_plain_model(folder: Path) -> None:
    plain = load(folder)
    wave = heard(plain).detach()
    assert (heard(load_to_stream(folder, precision="int8")) - wave).norm() < 0.1 * wave.norm()
    torch.testing.assert_close(heard(load_to_stream(folder)), wave, rtol=0, atol=1e-4)
    assert load_to_stream(folder).spec == plain.spec


def test_other_weights_are_converted_anew(folder: Path) -> None:
    before = heard(load_to_stream(folder, precision="int8"))
    weights = folder / "model.safetensors"
    tensors = {name: 0.5 * tensor for name, tensor in load_file(weights).items()}
    save_file(tensors, weights)
    os.utime(weights, ns=(1, 1))
    after = load_to_stream(folder, precision="int8")
    assert not torch.allclose(heard(after), before)
    assert_as_first(folder, heard(after))


def test_another_config_is_converted_anew(folder: Path) -> None:
    before = load_to_stream(folder, precision="int8").spec
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "delay_samples": 480}))
    after = load_to_stream(folder, precision="int8").spec
    assert after.delay_samples == 480
    assert after.digest != before.digest


@pytest.mark.parametrize("damage", ["short", "empty", "no header", "a header of another"])
def test_a_damaged_file_is_made_anew(folder: Path, damage: str) -> None:
    wave = heard(load_to_stream(folder, precision="int8"))
    whole = kept(folder).read_bytes()
    kept(folder).write_bytes(
        {
            "short": whole[:-100],
            "empty": b"",
            "no header": b"\xff" * 1000,
            "a header of another": (folder / "model.safetensors").read_bytes(),
        }[damage]
    )
    assert_as_first(folder, wave)
    assert kept(folder).stat().st_size == len(whole)


def test_a_folder_that_takes_no_file_leaves_it_to_the_cache(folder: Path, tmp_path: Path) -> None:
    kept(folder).mkdir()  # in the way, whoever runs this
    wave = heard(load_to_stream(folder, precision="int8"))
    assert len(list((tmp_path / "cache").glob("*.int8"))) == 1
    assert_as_first(folder, wave)


def test_nowhere_to_keep_it_is_no_error(folder: Path, tmp_path: Path) -> None:
    kept(folder).mkdir()
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert heard(load_to_stream(folder, precision="int8")).isfinite().all()
    assert [file.name for file in tmp_path.iterdir() if file.name.count(".int8.")] == []


def test_the_float32_weights_are_let_go(folder: Path) -> None:
    codec = load_to_stream(folder, precision="float32")
    assert isinstance(codec, QuickFocalCodec)
    assert list(codec.parameters()) == []


def test_other_models_are_packed_as_they_are(tmp_path: Path) -> None:
    codec = small_codec()
    (tmp_path / "config.json").write_text(json.dumps(SMALL_LITE))
    save_file(codec.state_dict(), tmp_path / "model.safetensors")
    loaded = load_to_stream(tmp_path)
    assert isinstance(loaded, LiteCodec)
    torch.testing.assert_close(heard(loaded), heard(codec), rtol=0, atol=1e-4)


def test_errors_are_those_of_load(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelMissing):
        load_to_stream(folder)
    with pytest.raises(UnknownModel):
        load_to_stream("no-such-model")
    with pytest.raises(PrecisionUnknown):
        load_to_stream(folder, precision="int3")  # type: ignore[arg-type]


def test_another_device_gets_the_plain_model(folder: Path) -> None:
    codec = load_to_stream(folder, device="meta", precision="int8")
    assert isinstance(codec, FocalCodec)
    assert {p.device.type for p in codec.parameters()} == {"meta"}


def test_a_model_tells_what_it_runs_as(folder: Path, tmp_path: Path) -> None:
    assert load_to_stream(folder, precision="int8").precision == "int8"
    codec = small_codec()
    (tmp_path / "config.json").write_text(json.dumps(SMALL_LITE))
    save_file(codec.state_dict(), tmp_path / "model.safetensors")
    loaded = load_to_stream(tmp_path, precision="bfloat16")
    assert (codec.precision, loaded.precision) == ("float32", "bfloat16")
    assert loaded.weights == sum(parameter.numel() for parameter in codec.parameters())


def test_a_rate_may_be_named_if_it_is_the_models_own(folder: Path) -> None:
    bits = load(folder).spec.bits_per_code
    assert isinstance(load_to_stream(f"{folder}@{bits}"), QuickFocalCodec)
    with pytest.raises(RateUnknown):
        load_to_stream(f"{folder}@{bits - 1}")
