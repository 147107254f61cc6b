from __future__ import annotations

import pytest
import torch

from codec.model.causal import FEW_FRAMES, SHORT_KERNEL, CausalConv1d


@pytest.mark.parametrize("past", ["replicate", "zeros"])
@pytest.mark.parametrize("kernel", [1, 7, SHORT_KERNEL])
@pytest.mark.parametrize("bias", [True, False])
def test_few_frames_give_what_many_give(past, kernel: int, bias: bool) -> None:
    """The sum of products for a chunk against the general convolution of the whole."""
    torch.manual_seed(0)
    conv = CausalConv1d(6, 6, kernel, groups=6, bias=bias, past=past).requires_grad_(False)
    x = torch.randn(2, 5 * FEW_FRAMES, 6)
    whole, whole_state = conv(x)
    state, parts = None, []
    for piece in x.split([4, FEW_FRAMES, 8] + [4] * (FEW_FRAMES - 3), dim=1):
        y, state = conv(piece, state)
        parts.append(y)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-5)
    assert torch.equal(state, whole_state)


def test_gradients_are_the_same_either_way() -> None:
    torch.manual_seed(0)
    conv = CausalConv1d(4, 4, 5, groups=4, past="zeros")
    x = torch.randn(1, 2 * FEW_FRAMES, 4)
    conv(x)[0].square().sum().backward()
    assert conv.weight.grad is not None
    expected = conv.weight.grad.clone()
    conv.weight.grad = None
    first, state = conv(x[:, :FEW_FRAMES])
    second, _ = conv(x[:, FEW_FRAMES:], state)
    (first.square().sum() + second.square().sum()).backward()
    torch.testing.assert_close(conv.weight.grad, expected, rtol=1e-4, atol=1e-4)
