from __future__ import annotations

import numpy as np
import pytest
import torch

from codec.train.augment import Augmentation, stretched

TONE = 0.1 * torch.sin(torch.arange(32_000) * (2 * torch.pi * 440 / 16_000))
CROPS = TONE.repeat(4, 1)


def made(**settings) -> tuple[torch.Tensor, torch.Tensor]:
    settings = {"gain_db": (0.0, 0.0)} | settings
    return Augmentation(**settings)(CROPS, np.random.default_rng(0))


def energy(sig: torch.Tensor) -> torch.Tensor:
    return sig.square().mean(1)


def test_without_anything_asked_the_speech_stays():
    heard, wanted = made()
    torch.testing.assert_close(heard, CROPS, atol=1e-6, rtol=0)
    torch.testing.assert_close(wanted, CROPS, atol=1e-6, rtol=0)


def test_gain_changes_both_and_never_beyond_full_scale():
    heard, wanted = made(gain_db=(30.0, 30.0))
    assert torch.equal(heard, wanted)
    assert heard.abs().max() == 1.0


@pytest.mark.parametrize(("thing", "kept"), [("noise", 0.3), ("room", 0.5)])
def test_less_noise_and_room_are_wanted_than_heard(thing, kept):
    heard, wanted = made(**{f"{thing}_share": 1.0})
    added = heard - CROPS
    assert (energy(added) > 1e-7).all()
    torch.testing.assert_close(wanted - CROPS, kept * added, atol=1e-5, rtol=1e-3)


def test_noise_is_as_far_below_the_speech_as_asked():
    heard, _ = made(noise_share=1.0, noise_db=(10.0, 10.0))
    ratio = energy(CROPS) / energy(heard - CROPS)
    torch.testing.assert_close(ratio, torch.full((4,), 10.0), rtol=1e-2, atol=0)


def test_the_equaliser_moves_a_tone_within_its_limits():
    heard, wanted = made(equaliser_share=1.0, equaliser_db=6.0)
    assert torch.equal(heard, wanted)
    gains = 10 * (energy(heard) / energy(CROPS)).log10()
    assert (gains.abs() < 6.1).all()
    assert gains.std() > 0.5


def test_a_telephone_lets_the_middle_through():
    both = CROPS + 0.1 * torch.sin(torch.arange(32_000) * (2 * torch.pi * 5000 / 16_000))
    augmentation = Augmentation(telephone_share=1.0, gain_db=(0.0, 0.0))
    heard, wanted = augmentation(both, np.random.default_rng(0))
    assert torch.equal(heard, wanted)
    torch.testing.assert_close(heard, CROPS, atol=1e-3, rtol=0)


def test_a_pause_is_digital_silence_first():
    heard, _ = made(pause_share=1.0)
    silent = (heard.abs() < 1e-12).float().cumprod(1).sum(1)
    assert ((silent > 3_000) & (silent < 26_000)).all()


def test_a_share_is_a_share():
    none, _ = made(noise_share=1e-9)
    torch.testing.assert_close(none, CROPS, atol=1e-6, rtol=0)


def test_a_stretched_tone_is_higher_and_as_loud():
    faster = stretched(TONE[:25_600], 20_480)
    torch.testing.assert_close(faster.std(), TONE.std(), rtol=1e-2, atol=0)
    peak = torch.fft.rfft(faster).abs().argmax() * 16_000 / 20_480
    assert float(peak) == pytest.approx(550, abs=1)


def test_stretches_lie_around_one():
    random = np.random.default_rng(0)
    stretches = [Augmentation(speed_share=0.5, speed=0.15).stretch(random) for _ in range(200)]
    assert 0.3 < np.mean([s == 1.0 for s in stretches]) < 0.7
    assert min(stretches) >= 1 / 1.15
    assert max(stretches) <= 1.15
    assert max(stretches) > 1.1
