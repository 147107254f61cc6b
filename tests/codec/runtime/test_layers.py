from __future__ import annotations

import pytest
import torch
from torch import nn

from codec.model.causal import CausalConv1d
from codec.runtime.layers import BriefDepthwise, PackedLinear, packed_layer
from codec.runtime.products import has_half_product
from codec.weights import dequantized, quantized_int8

half_product = pytest.mark.skipif(not has_half_product(), reason="torch has no FBGEMM here")


def linear(bias: bool = True, outputs: int = 96) -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(160, outputs, bias=bias).requires_grad_(False)


@half_product
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("gain", [1e-12, 1.0, 1e9])
def test_weights_that_were_int8_lose_nothing(bias: bool, gain: float) -> None:
    plain = linear(bias)
    stored = quantized_int8({"weight": plain.weight * gain})
    plain.weight = nn.Parameter(dequantized(stored)["weight"], requires_grad=False)
    x = torch.randn(2, 4, 160)
    expected = plain(x)
    error = (PackedLinear(plain, "float16")(x) - expected).abs().max()
    assert error <= 2e-6 * expected.abs().max()


@half_product
def test_other_weights_are_rounded_to_eleven_bits() -> None:
    plain = linear()
    plain.weight[5] = 0.0
    x = torch.randn(1, 4, 160)
    expected, y = plain(x), PackedLinear(plain, "float16")(x)
    assert (y - expected).norm() < 10 ** (-70 / 20) * expected.norm()
    torch.testing.assert_close(y[..., 5], expected[..., 5])


@pytest.mark.parametrize("past", ["replicate", "zeros"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kernel", [1, 7, 15])
def test_a_brief_convolution_is_the_plain_one(past, bias: bool, kernel: int) -> None:
    torch.manual_seed(2)
    plain = CausalConv1d(6, 6, kernel, groups=6, bias=bias, past=past).requires_grad_(False)
    brief = BriefDepthwise(plain)
    state = plain_state = None
    for x in torch.randn(2, 40, 6).split([4, 8, 4, 24], dim=1):
        y, state = brief(x, state)
        expected, plain_state = plain(x, plain_state)
        torch.testing.assert_close(y, expected, rtol=0, atol=1e-6)
        assert torch.equal(state, plain_state)


def test_what_gains_nothing_stays_as_it_is() -> None:
    assert packed_layer(nn.LayerNorm(8), "float32") is None
    assert packed_layer(nn.Linear(8, 8), "float32") is None
    assert packed_layer(CausalConv1d(4, 4, 5), "float32") is None
    assert packed_layer(CausalConv1d(4, 4, 5, stride=2, groups=4), "float32") is None
    assert packed_layer(CausalConv1d(4, 4, 129, groups=4), "float32") is None
    assert isinstance(packed_layer(CausalConv1d(4, 4, 5, groups=4), "float32"), BriefDepthwise)
