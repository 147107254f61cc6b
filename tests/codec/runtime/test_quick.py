"""The quick FocalCodec against the plain one and against the published implementation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from codec.errors import BadAudio, BadCodes, BadFeatures
from codec.model.config import FocalCodecConfig
from codec.model.focalcodec import FocalCodec
from codec.model.state import state_bytes
from codec.runtime import products
from codec.runtime.batches import joined, separate
from codec.runtime.packed import packed
from codec.runtime.products import available
from codec.runtime.quick import QuickFocalCodec
from codec.runtime.sizes import sizes_of
from codec.weights import load
from tests.codec.test_reference import STALE_TABLE, assert_near, assert_same_codes

CHUNK = 1280


@pytest.fixture
def all_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small a matrix is, it is packed."""
    monkeypatch.setattr(products, "MIN_ELEMENTS", 64)


def noise(batch: int, chunks: int, seed: int = 0) -> Tensor:
    return 0.3 * torch.randn(batch, chunks * CHUNK, generator=torch.Generator().manual_seed(seed))


def quick(model: FocalCodec, precision: Any = "float32") -> QuickFocalCodec:
    codec = packed(model, precision)
    assert isinstance(codec, QuickFocalCodec)
    assert codec.spec == model.spec
    return codec


@pytest.mark.parametrize("size", ["2k", "4k", "65k"])
@pytest.mark.usefixtures("all_packed")
def test_float32_is_what_the_published_implementation_computes(reference: Path, size: str) -> None:
    model = load(reference / f"tiny_{size}.json")
    assert isinstance(model, FocalCodec)
    model.requires_grad_(False)
    model.encoder.encoder.relative_embedding.weight.div_(STALE_TABLE)
    codec = quick(model)
    with np.load(reference / f"tiny_{size}_io.npz") as arrays:
        expected = {name: torch.from_numpy(arrays[name]) for name in arrays}
    encoder = compressor = decoder = None
    feats, lats, rec = [], [], []
    for sig, toks in zip(
        expected["sig"].split(CHUNK, 1), expected["toks"].split(4, 1), strict=True
    ):
        chunk, encoder = codec.sig_to_feats(sig, encoder)
        feats.append(chunk)
        chunk, compressor = codec.feats_to_lats(chunk, compressor)
        lats.append(chunk)
        chunk, decoder = codec.decode(toks, decoder)
        rec.append(chunk)
    assert_near(torch.cat(feats, 1), expected["feats"])
    assert_same_codes(model, torch.cat(lats, 1), expected["toks"])
    assert_near(torch.cat(rec, 1), expected["rec"])
    qfeats, _ = codec.dequantize(expected["toks"])
    assert_near(qfeats, expected["qfeats"])


@pytest.mark.usefixtures("all_packed")
def test_it_goes_on_like_the_plain_one_when_its_rings_have_turned(small: FocalCodec) -> None:
    sig = noise(1, 90)
    feats, _ = small.sig_to_feats(sig)
    lats, _ = small.feats_to_lats(feats)
    codes = small.lats_to_codes(lats)
    wave, _ = small.decode(codes)
    codec = quick(small)
    found, _ = codec.sig_to_feats(sig)
    torch.testing.assert_close(found, feats, rtol=0, atol=1e-4)
    found, _ = codec.feats_to_lats(feats)
    torch.testing.assert_close(found, lats, rtol=0, atol=1e-4)
    found, _ = codec.decode(codes)
    torch.testing.assert_close(found, wave, rtol=0, atol=1e-4)
    assert (codec.encode(sig)[0] == codes).float().mean() > 0.99


@pytest.mark.parametrize("precision", available())
@pytest.mark.usefixtures("all_packed")
def test_each_precision_is_near_the_plain_one(small: FocalCodec, precision: Any) -> None:
    sig = noise(1, 30)
    feats, _ = small.sig_to_feats(sig)
    codes = small.lats_to_codes(small.feats_to_lats(feats)[0])
    wave, _ = small.decode(codes)
    codec = quick(small, precision)
    nearness = {"float32": 1e-5, "float16": 0.01, "bfloat16": 0.1, "int8": 0.1}[precision]
    found, _ = codec.sig_to_feats(sig)
    assert (found - feats).norm() < nearness * feats.norm()
    found, _ = codec.decode(codes)
    assert (found - wave).norm() < nearness * wave.norm()
    # Of a model of random weights; a code has 11 bits, any of which may be near to changing.
    assert (codec.encode(sig)[0] == codes).float().mean() > 1 - 3 * nearness


@pytest.mark.parametrize("precision", available())
@pytest.mark.usefixtures("all_packed")
def test_a_batch_is_its_streams(small: FocalCodec, precision: Any) -> None:
    codec = quick(small, precision)
    sig = noise(3, 6)
    codes = torch.cat([codec.encode(one[None])[0] for one in sig])
    assert torch.equal(codec.encode(sig)[0], codes)
    waves = torch.cat([codec.decode(one[None])[0] for one in codes])
    torch.testing.assert_close(codec.decode(codes)[0], waves, rtol=0, atol=1e-5)


def test_streams_join_and_leave_a_batch(small: FocalCodec) -> None:
    codec = quick(small)
    codes = torch.randint(0, 2048, (3, 20 * 4), generator=torch.Generator().manual_seed(1))
    expected = torch.cat([codec.decode(one[None])[0] for one in codes]).split(4 * 480, 1)
    chunks = codes.split(4, 1)
    states = []
    for i in range(3):  # one ahead of the other
        state = None
        for k in range(i + 1):
            wave, state = codec.decode(chunks[k][i : i + 1], state)
        torch.testing.assert_close(wave, expected[i][i : i + 1], rtol=0, atol=1e-5)
        states.append(state)
    done = [1, 2, 3]
    for rows in ([0, 1, 2], [2, 0], [1], [0, 2, 1], [1, 2]):
        heard = torch.cat([chunks[done[i]][i : i + 1] for i in rows])
        wave, state = codec.decode(heard, joined([states[i] for i in rows]))
        for row, i in enumerate(rows):
            torch.testing.assert_close(wave[row], expected[done[i]][i], rtol=0, atol=1e-5)
            states[i] = separate(state, len(rows))[row]
            done[i] += 1


def test_the_state_keeps_its_size_and_place(small: FocalCodec) -> None:
    codec = quick(small)
    codes, state = codec.encode(noise(1, 1))
    wave, wave_state = codec.decode(codes)
    size = state_bytes(state), state_bytes(wave_state)
    places = [t.data_ptr() for part in (state, wave_state) for s in part for m in s for t in m]
    for i in range(70):
        codes, state = codec.encode(noise(1, 1, i), state)
        wave, wave_state = codec.decode(codes, wave_state)
    assert wave.shape == (1, 4 * 480)
    assert (state_bytes(state), state_bytes(wave_state)) == size
    assert min(size) > 0
    assert places == [
        t.data_ptr() for part in (state, wave_state) for s in part for m in s for t in m
    ]


def test_what_is_not_whole_chunks_is_refused(small: FocalCodec) -> None:
    codec = quick(small)
    with pytest.raises(BadAudio):
        codec.encode(torch.zeros(1, 1000))
    with pytest.raises(BadCodes):
        codec.decode(torch.zeros(1, 3, dtype=torch.int64))
    with pytest.raises(BadFeatures):
        codec.vocode(torch.zeros(1, 3, 16))


def test_sizes_are_those_of_the_config(small_config: dict[str, Any]) -> None:
    with torch.device("meta"):
        for config in (small_config, {**small_config, "delay_samples": 480}):
            assert sizes_of(FocalCodec(config)) == FocalCodecConfig.from_dict(config)
        full = {"quantizer_config": {"codebook_size": 2**16}}
        assert sizes_of(FocalCodec(full)) == FocalCodecConfig.from_dict(full)
