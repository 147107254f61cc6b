"""One model at several rates."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save_file

from codec.errors import ContainerModelMismatch, ModelConfigInvalid, RateUnknown
from codec.files import decode_file, encode_file
from codec.model.lite import LiteCodec
from codec.stream import StreamDecoder, StreamEncoder
from codec.weights import at_rate, load
from tests.models import SMALL_LITE, small_codec, small_nested_codec

SPEECH = 0.3 * torch.randn(1, 12_800, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    save_file(small_nested_codec().state_dict(), folder / "model.safetensors")
    config = SMALL_LITE | {"rates": [11, 12, 16]}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_lower_rate_is_the_first_bits_of_each_code():
    whole = small_nested_codec()
    codes, _ = whole.encode(SPEECH)
    fewer, _ = at_rate(whole, 11).encode(SPEECH)
    assert torch.equal(fewer, codes >> 5)


def test_a_lower_rate_decodes_as_if_the_rest_said_nothing():
    whole = small_nested_codec()
    view = at_rate(whole, 12)
    codes, _ = view.encode(SPEECH)
    vectors = whole.quantizer.to_vectors(codes << 4)
    vectors[..., 12:] = 0.0
    expected, _ = whole.vocode(whole.decompress(vectors)[0])
    decoded, _ = view.decode(codes)
    assert torch.equal(decoded, expected)
    full, _ = whole.decode(whole.encode(SPEECH)[0])
    assert not torch.equal(decoded, full)


def test_its_spec_says_what_it_sends():
    whole = small_nested_codec()
    assert at_rate(whole, 16) is whole
    specs = [at_rate(whole, bits).spec for bits in (11, 12)]
    assert [(spec.bitrate, spec.model_id) for spec in specs] == [(550, 6), (600, 5)]
    assert specs[0].digest == whole.spec.digest


def test_a_stream_may_change_its_rate_between_chunks():
    """The state is the same in every view, so a change is no break."""
    whole = small_nested_codec()
    view = at_rate(whole, 11)
    state = None
    parts = []
    codes, _ = whole.encode(SPEECH)
    for chunk in range(10):
        now = codes[:, 4 * chunk : 4 * chunk + 4]
        decoder, sent = (view, now >> 5) if chunk % 2 else (whole, now)
        wave, state = decoder.decode(sent, state)
        parts.append(wave)
    vectors = whole.quantizer.to_vectors(codes)
    odd = (torch.arange(codes.shape[1]) // 4) % 2 == 1
    vectors[:, odd, 11:] = 0.0
    expected, _ = whole.vocode(whole.decompress(vectors)[0])
    torch.testing.assert_close(torch.cat(parts, dim=1), expected, atol=1e-5, rtol=1e-4)


def test_streams_take_it_as_any_model():
    view = at_rate(small_nested_codec(), 12)
    codes = StreamEncoder(view).step(SPEECH[0, :1280].numpy())
    assert 0 <= codes.min() <= codes.max() < 1 << 12
    expected, _ = view.decode(torch.from_numpy(codes)[None])
    decoded = StreamDecoder(view).step(codes)
    np.testing.assert_allclose(decoded, expected[0].detach().numpy(), atol=1e-4)


def test_a_name_may_carry_the_rate(folder):
    assert load(f"{folder}@11").spec.bits_per_code == 11
    assert load(folder).spec.bits_per_code == 16
    with pytest.raises(RateUnknown, match=r"13 bits. It has 11 \(0\.55 kbit/s\), 12"):
        load(f"{folder}@13")


def test_a_model_of_one_rate_says_so():
    with pytest.raises(RateUnknown, match=r'"small-lite" has no code of 12 bits. It has 16'):
        at_rate(small_codec(), 12)


def test_a_file_is_decoded_at_the_rate_it_was_made_with(folder, tmp_path):
    soundfile.write(tmp_path / "in.wav", SPEECH[0].numpy(), 16_000)
    sizes = {}
    for bits in (11, 16):
        encode_file(load(f"{folder}@{bits}"), tmp_path / "in.wav", tmp_path / f"{bits}.fcs")
        sizes[bits] = (tmp_path / f"{bits}.fcs").stat().st_size
        decode_file(load(folder), tmp_path / f"{bits}.fcs", tmp_path / f"{bits}.wav")
        assert soundfile.info(tmp_path / f"{bits}.wav").frames == 12_800
    assert sizes[11] < sizes[16]
    with pytest.raises(ContainerModelMismatch):
        decode_file(small_codec(), tmp_path / "11.fcs", tmp_path / "no.wav")


@pytest.mark.parametrize("rates", [[16, 12], [11], [11, 12], [3, 16], [], [12, 12, 16], "all"])
def test_wrong_rates_in_a_config_are_told(rates):
    with pytest.raises(ModelConfigInvalid, match="rates"):
        LiteCodec({**SMALL_LITE, "rates": rates})
