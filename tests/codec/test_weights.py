from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from codec.errors import (
    ModelConfigInvalid,
    ModelDamaged,
    ModelMissing,
    ModelNotSafetensors,
    ModelShapeMismatch,
    ModelTruncated,
    UnknownModel,
)
from codec.model.focalcodec import FocalCodec
from codec.safetensors_file import read_tensors
from codec.weights import dequantized, find, load, quantized_int8
from tests.models import SMALL_LITE, small_codec


@pytest.fixture
def folder(small_folder: Path, tmp_path: Path) -> Path:
    """A model to be broken."""
    return Path(shutil.copytree(small_folder, tmp_path / "model"))


@pytest.fixture
def weights(folder: Path) -> Path:
    return folder / "model.safetensors"


def assert_same_model(loaded: object, small: FocalCodec) -> None:
    assert isinstance(loaded, FocalCodec)
    expected = small.state_dict()
    for name, tensor in loaded.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, expected[name])


def test_a_folder_or_either_of_its_files_loads(folder: Path, small: FocalCodec) -> None:
    for path in (folder, str(folder), folder / "config.json", folder / "model.safetensors"):
        loaded = load(path)
        assert_same_model(loaded, small)
        assert not loaded.training
    sig = torch.randn(1, 2560, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded.encode(sig)[0], small.encode(sig)[0])


def test_a_pair_of_files_loads(folder: Path, tmp_path: Path, small: FocalCodec) -> None:
    shutil.copy(folder / "config.json", tmp_path / "v1.2.json")
    shutil.copy(folder / "model.safetensors", tmp_path / "v1.2.safetensors")
    for name in ("v1.2.json", "v1.2.safetensors"):
        assert_same_model(load(tmp_path / name), small)
    assert find(tmp_path / "v1.2").weights == tmp_path / "v1.2.safetensors"


def test_the_bundled_model_is_the_default() -> None:
    try:
        files = find("bundled")
    except ModelMissing:
        pytest.skip("the bundled model is not in assets/model yet")
    assert load().spec == load(files.config.parent).spec
    assert load().spec.model_id == 1


def test_a_name_nobody_knows() -> None:
    with pytest.raises(UnknownModel, match=r'"moshi".*bundled'):
        load("moshi")


def test_a_file_that_is_not_there(folder: Path, weights: Path) -> None:
    with pytest.raises(ModelMissing, match="nowhere"):
        load(folder / "nowhere" / "model.safetensors")
    with pytest.raises(ModelMissing, match="other"):
        load(folder / "other.json")
    weights.unlink()
    with pytest.raises(ModelMissing, match=r"model\.safetensors"):
        load(folder)


@pytest.mark.parametrize("keep", [0, 4, 8, 9, 500, -1])
def test_a_file_cut_short(folder: Path, weights: Path, keep: int) -> None:
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(ModelTruncated, match=r"model\.safetensors"):
        load(folder)


def test_other_formats_are_never_opened(folder: Path, weights: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (pytest.fail, ("a pickle was opened",))

    torch.save({"x": torch.zeros(3)}, weights)
    with pytest.raises(ModelNotSafetensors, match="PyTorch"):
        load(folder)
    weights.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ModelNotSafetensors, match="pickle"):
        load(folder)
    for data in (b"<!DOCTYPE html>" * 9, b"\0" * 99, b"noise" * 99, b"version https://git-lfs."):
        weights.write_bytes(data)
        with pytest.raises(ModelNotSafetensors):
            load(folder)


@pytest.mark.parametrize(
    "header", [b"{}}", b"[1]", b'{"a": 1}', b'{"a": {"data_offsets": ["x", "y"]}}', b"{" * 5000]
)
def test_a_broken_header(folder: Path, weights: Path, header: bytes) -> None:
    weights.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ModelNotSafetensors):
        load(folder)


def test_a_tensor_that_does_not_fit_is_named(folder: Path, weights: Path) -> None:
    name = "compressor.out_proj.weight"
    tensors = load_file(weights)
    save_file({**tensors, name: torch.zeros(3, 3)}, weights)
    with pytest.raises(ModelShapeMismatch, match=name) as wrong_shape:
        load(folder)
    assert "(3, 3)" in str(wrong_shape.value)
    save_file({**tensors, "extra": torch.zeros(3)}, weights)
    with pytest.raises(ModelShapeMismatch, match="extra"):
        load(folder)
    del tensors[name]
    save_file(tensors, weights)
    with pytest.raises(ModelShapeMismatch, match=f"{name}.*missing"):
        load(folder)


@pytest.mark.parametrize(
    "config", ["", "{", "[]", "{}", '{"model_type": "opus"}', '{"model_type": "undertone-lite"}']
)
def test_a_config_that_makes_no_model(folder: Path, config: str) -> None:
    (folder / "config.json").write_text(config)
    with pytest.raises(ModelConfigInvalid, match=r"config\.json"):
        load(folder)


def test_a_config_that_is_not_text(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelConfigInvalid):
        load(folder)


def test_int8_comes_back_within_half_a_step() -> None:
    torch.manual_seed(0)
    state = {
        "a.weight": torch.randn(64, 8, 8) * torch.logspace(-3, 3, 64)[:, None, None],
        "a.bias": torch.randn(5000),
        "small.weight": torch.randn(8, 8),
        "b.scale": torch.randn(7),
        "zero.weight": torch.zeros(64, 64),
    }
    stored = quantized_int8(state)
    assert stored["a.weight"].dtype == torch.int8
    assert stored["a.weight.scale"].shape == (64,)
    assert stored["small.weight"].dtype == torch.float32
    back = dequantized(stored)
    assert back.keys() == state.keys()
    for name in ("a.bias", "small.weight", "b.scale", "zero.weight"):
        assert torch.equal(back[name], state[name])
    steps = state["a.weight"].flatten(1).abs().amax(1) / 127
    errors = (back["a.weight"] - state["a.weight"]).flatten(1).abs().amax(1)
    assert (errors <= 0.5001 * steps).all()


def test_small_files_load_as_float32(folder: Path, weights: Path, small: FocalCodec) -> None:
    tensors = load_file(weights)
    save_file({name: t.half() for name, t in tensors.items()}, weights)
    for name, tensor in load(folder).state_dict().items():
        assert torch.equal(tensor, tensors[name].half().float())

    stored = quantized_int8(tensors)
    assert any(t.dtype == torch.int8 for t in stored.values())
    save_file(stored, weights)
    for name, tensor in load(folder).state_dict().items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, tensors[name], rtol=0, atol=0.05)


def test_int8_without_its_scale_is_named(folder: Path, weights: Path) -> None:
    stored = quantized_int8(load_file(weights))
    name = next(name for name in stored if name.endswith(".scale"))
    del stored[name]
    save_file(stored, weights)
    with pytest.raises(ModelShapeMismatch, match=name.removesuffix(".scale")):
        load(folder)


def test_a_checkpoint_of_another_size_is_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["quantizer_config"]["codebook_size"] = 4096
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelShapeMismatch, match=r"compressor\.out_proj"):
        load(folder)


@pytest.mark.parametrize("first", [b"<", b"\x80"])
def test_a_header_may_have_a_length_that_begins_like_another_format(tmp_path, first) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"x": torch.arange(3.0)}, path)
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    longer = size + (first[0] - size) % 256
    header = data[8 : 8 + size].ljust(longer)
    path.write_bytes(longer.to_bytes(8, "little") + header + data[8 + size :])
    assert path.read_bytes().startswith(first)
    assert read_tensors(path)["x"].tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(folder: Path, weights: Path, value: float) -> None:
    tensors = load_file(weights)
    tensors["compressor.out_proj.weight"][1, 2] = value
    save_file(tensors, weights)
    with pytest.raises(ModelDamaged, match=r"model\.safetensors.*compressor\.out_proj\.weight"):
        load(folder)


def lite_folder(folder: Path, seed: int = 0) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(SMALL_LITE))
    save_file(small_codec(seed).state_dict(), folder / "model.safetensors")
    return folder


def test_a_lite_model_loads_as_it_was_saved(tmp_path: Path) -> None:
    saved, loaded = small_codec(), load(lite_folder(tmp_path / "model"))
    codes = torch.arange(8)[None] * 5000
    torch.testing.assert_close(loaded.decode(codes)[0], saved.decode(codes)[0])
    sig = torch.randn(1, 2560, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded.encode(sig)[0], saved.encode(sig)[0])


def test_models_of_one_kind_have_their_own_digests(tmp_path: Path) -> None:
    first, second = (load(lite_folder(tmp_path / str(i), seed=i)) for i in range(2))
    again = load(lite_folder(tmp_path / "again"))
    assert first.spec == again.spec
    assert first.spec.digest != 0
    assert first.spec.digest != second.spec.digest
    assert small_codec().spec.digest == 0
