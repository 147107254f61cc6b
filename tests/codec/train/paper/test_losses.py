from __future__ import annotations

import itertools
import math

import pytest
import torch
import torch.nn.functional as F

from codec.train.paper.judges import HiFiJury
from codec.train.paper.losses import MelLoss, codebook_entropy, matching_loss, straight_through


def latents(bits: int, count: int = 30) -> torch.Tensor:
    torch.manual_seed(bits)
    # Near the sphere's coordinate planes too, where the assignment is open.
    return F.normalize(torch.randn(2, count, bits) * torch.rand(2, count, bits) ** 4, dim=-1)


def by_the_book(lats: torch.Tensor) -> torch.Tensor:
    """The term as it is defined: a softmax over every codeword."""
    bits = lats.shape[-1]
    corners = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=bits))) / math.sqrt(bits)
    p = torch.softmax(100 * 2 * lats.reshape(-1, bits).double() @ corners.T.double(), dim=-1)
    mean = p.mean(0)
    each = -torch.xlogy(p, p).sum(-1).mean()
    return (each + torch.xlogy(mean, mean).sum()).float()


def test_the_entropy_is_that_over_all_codewords():
    for bits in (3, 8):
        lats = latents(bits)
        torch.testing.assert_close(codebook_entropy(lats), by_the_book(lats))


def test_in_groups_it_is_a_bound():
    lats = latents(8)
    whole, halves, alone = (codebook_entropy(lats, bits) for bits in (8, 4, 1))
    assert alone < halves < whole


def test_it_pushes_latents_to_decide_and_to_differ():
    lats = latents(16).requires_grad_()
    loss = codebook_entropy(lats)
    loss.backward()
    assert lats.grad.isfinite().all()
    moved = F.normalize(lats.detach() - 1e-4 * lats.grad, dim=-1)
    assert codebook_entropy(moved) < loss
    same = latents(16)[:, :1].expand(-1, 30, -1)
    assert codebook_entropy(same) > loss


def test_signs_pass_their_gradient():
    lats = latents(4).requires_grad_()
    signs = straight_through(lats)
    torch.testing.assert_close(signs.abs(), torch.full_like(signs, 0.5))
    assert torch.equal(signs > 0, lats > 0)
    signs.sum().backward()
    assert torch.equal(lats.grad, torch.ones_like(lats))


def test_mel_hears_pitch_and_loudness():
    t = torch.arange(12_000) / 24_000
    tone = 0.3 * torch.sin(2 * torch.pi * 300 * t)[None]
    loss = MelLoss(24_000)
    assert loss(tone, tone) == 0.0
    noise = 0.1 * torch.randn(1, 12_000)
    assert loss(0.5 * noise, noise).item() == pytest.approx(math.log(2.0), abs=1e-3)
    assert loss(0.3 * torch.sin(2 * torch.pi * 900 * t)[None], tone) > 0.5


def test_the_jury_is_hifi_gans():
    with torch.device("meta"):
        jury = HiFiJury()
    sizes = [sum(p.numel() for p in judge.parameters()) for judge in jury.judges]
    millions = [round(sum(part) / 1e6, 1) for part in (sizes[:5], sizes[5:])]
    assert millions == [41.1, 29.6]
    verdicts = HiFiJury(width=1)(torch.randn(2, 6_000))
    assert len(verdicts) == 8
    assert sum(len(features) + 1 for _, features in verdicts) == 54
    assert matching_loss(verdicts, verdicts) == 0.0
    # Each scale has half the samples of the one before.
    first = [features[0].shape[-1] for _, features in verdicts[5:]]
    assert first == [6_000, 3_001, 1_501]
