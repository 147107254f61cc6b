from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from codec.train.losses import SpectralLoss, VoiceLoss, bit_entropy, straight_through_signs


def test_equal_sounds_cost_nothing_and_different_ones_do():
    loss = SpectralLoss()
    sig = torch.randn(2, 16_000) * 0.1
    assert [round(part.item(), 6) for part in loss(sig, sig)] == [0.0, 0.0]
    mel, linear = loss(torch.randn(2, 16_000) * 0.3, sig)
    assert mel > 0.5
    assert linear > 0.5


def test_decided_and_balanced_bits_have_the_lowest_entropy_term():
    signs = torch.where(torch.rand(8, 100, 16) > 0.5, 1.0, -1.0) / 4.0
    undecided = F.normalize(torch.randn(8, 100, 16) * 0.01 + 1e-3, dim=-1) * 0.01
    always_one = torch.full((8, 100, 16), 0.25)
    best = bit_entropy(signs, 40.0)
    assert best < bit_entropy(undecided, 40.0)
    assert best < bit_entropy(always_one, 40.0)
    torch.testing.assert_close(best, torch.tensor(-math.log(2)), atol=0.01, rtol=0)


def test_signs_pass_the_gradient_straight_through():
    lats = F.normalize(torch.randn(1, 5, 16), dim=-1).requires_grad_()
    signs = straight_through_signs(lats)
    torch.testing.assert_close(signs.abs(), torch.full_like(signs, 0.25))
    assert torch.equal(signs > 0, lats > 0)
    signs.sum().backward()
    torch.testing.assert_close(lats.grad, torch.ones_like(lats))


def test_bits_left_out_are_zero_and_their_crop_teaches_the_encoder_nothing():
    lats = F.normalize(torch.randn(2, 5, 16), dim=-1).requires_grad_()
    kept = torch.ones(2, 1, 16)
    kept[1, :, 11:] = 0.0
    vectors = straight_through_signs(lats, kept)
    assert torch.equal(vectors != 0, (kept > 0).expand(2, 5, 16))
    assert torch.equal(vectors[0], straight_through_signs(lats)[0])
    vectors.sum().backward()
    assert torch.equal(lats.grad[0], torch.ones(5, 16))
    assert torch.equal(lats.grad[1], torch.zeros(5, 16))


def test_a_voice_is_its_long_spectrum_whatever_is_said():
    loss = VoiceLoss()
    low = torch.cumsum(torch.randn(2, 32_000), 1) * 0.005
    high = torch.randn(2, 32_000) * 0.1
    assert loss(low, low) == 0.0
    assert loss(high.flip(1), high) < 0.2 * loss(low, high)
