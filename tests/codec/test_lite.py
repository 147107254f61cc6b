"""What the bundled model's networks compute, and which configs they are built from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from codec.errors import ModelConfigInvalid
from codec.model.lite import LiteCodec, OverlapAdd, Spectrum
from codec.model.lite_config import LiteConfig
from tests.models import SMALL_LITE, small_codec


def test_overlap_add_is_the_sum_of_its_windows() -> None:
    torch.manual_seed(0)
    layer = OverlapAdd(12, 480).requires_grad_(False)
    x = 0.2 * torch.randn(1, 6, 12)
    head = layer.head(x)[0].double().numpy()
    hann = np.hanning(481)[:-1]
    expected = np.zeros(6 * 160 + 320)
    for i, frame in enumerate(head):
        spectrum = np.exp(frame[:241]) * np.exp(1j * frame[241:])
        expected[160 * i : 160 * i + 480] += np.fft.irfft(spectrum) * hann / 1.5
    made, tail = layer(x, None)
    assert np.abs(expected).max() < 1.0
    np.testing.assert_allclose(made[0].numpy(), expected[:960], atol=1e-6)
    np.testing.assert_allclose(tail[0].numpy(), expected[960:], atol=1e-6)


def test_a_tone_stands_in_its_band_and_its_bin() -> None:
    layer = Spectrum(640, 20, 8)
    sig = torch.sin(2 * torch.pi * 100 * torch.arange(3200) / 16_000)[None]
    frames, _ = layer(sig, None)
    assert frames.shape == (1, 20, 28)
    bands, low_bins = frames[0, 10, :20], frames[0, 10, 20:]
    assert bands.argmax() == 0
    assert low_bins.argmax() == 4  # of 25 Hz each


def test_gradients_reach_the_first_and_the_last_layer() -> None:
    model = small_codec()
    sig = 0.3 * torch.randn(1, 2560, generator=torch.Generator().manual_seed(0))
    lats, _ = model.latents(sig)
    wave, _ = model.vocode(model.decompress(lats)[0])
    wave.square().sum().backward()
    for name in ("encoder_in.weight", "encoder.blocks.0.depthwise.weight", "overlap_add.head.bias"):
        grad = model.get_parameter(name).grad
        assert grad is not None
        assert grad.isfinite().all()
        assert grad.abs().max() > 0


def test_the_delay_is_the_windows_less_one_hop() -> None:
    assert small_codec().spec.delay_samples == 320
    assert LiteCodec({**SMALL_LITE, "wave_window": 640}).spec.delay_samples == 480


@pytest.mark.parametrize(
    "change",
    [
        {"window": 160, "low_bins": 81},
        {"low_bins": 0},
        {"bits": 1},
        {"wave_window": 320},
        {"encoder_mixers": []},
        {"vocoder_kernels": [1]},
    ],
)
def test_the_smallest_sizes_can_be_built_and_run(change: dict[str, Any]) -> None:
    model = LiteCodec({**SMALL_LITE, **change}).requires_grad_(False)
    sig = 0.3 * torch.randn(1, 2560, generator=torch.Generator().manual_seed(0))
    codes, _ = model.encode(sig)
    assert 0 <= codes.min() <= codes.max() < 2**model.spec.bits_per_code
    assert model.decode(codes)[0].isfinite().all()


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("name", 7, "not a text"),
        ("name", "", "not a text"),
        ("name", "two\nlines", "not a text"),
        ("name", "x" * 65, "not a text"),
        ("bits", 0, "whole number 1 to 16"),
        ("bits", 17, "whole number 1 to 16"),
        ("bits", "16", "whole number"),
        ("bits", True, "whole number"),
        ("bits", 8.0, "whole number"),
        ("window", 159, "160 to"),
        ("window", 10**12, "160 to"),
        ("bands", 0, "whole number 1"),
        ("low_bins", -1, "whole number 0"),
        ("low_bins", 322, "321 bins"),
        ("wave_window", 470, "multiple of 160"),
        ("wave_window", 160, "whole number 320"),
        ("wave_window", 16_000, "320 to 1600"),
        ("encoder_dim", None, "whole number"),
        ("decoder_hidden", 0, "whole number"),
        ("mixer_hidden", 10**9, "whole number"),
        ("encoder_kernels", 7, "list of 1"),
        ("encoder_kernels", [], "list of 1"),
        ("encoder_kernels", [7, "5"], "list of 1"),
        ("vocoder_kernels", [0], "whole numbers 1"),
        ("decoder_kernels", [7] * 65, "list of 1 to 64"),
        ("encoder_mixers", [2], "below 2"),
        ("encoder_mixers", [0, 0], "different"),
        ("decoder_mixers", [-1], "whole numbers 0"),
        ("decoder_mixers", {"0": 1}, "list of 0"),
    ],
)
def test_a_config_that_cannot_be_built_says_why(field: str, value: Any, told: str) -> None:
    with pytest.raises(ModelConfigInvalid, match=rf"{field} is .*{told}"):
        LiteCodec({**SMALL_LITE, field: value})


def test_fields_too_few_or_too_many_are_named() -> None:
    without = {name: value for name, value in SMALL_LITE.items() if name != "bands"}
    with pytest.raises(ModelConfigInvalid, match="bands is missing"):
        LiteConfig.from_dict(without)
    with pytest.raises(ModelConfigInvalid, match="unknown field 'heads'"):
        LiteConfig.from_dict({**SMALL_LITE, "heads": 4})
