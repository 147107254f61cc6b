from __future__ import annotations

import numpy as np

from codec.conceal import FADE, Concealer, Playout

LEVEL = np.ones(1280, np.float32)
CODES = np.array([5, 6, 7, 8])


def played(playouts: list[Playout]) -> np.ndarray:
    """The gain over time."""
    return np.concatenate([p.shape(LEVEL) * (p.codes is not None) for p in playouts])


def test_nothing_lost_changes_nothing() -> None:
    concealer = Concealer()
    pcm = np.random.default_rng(0).standard_normal(1280).astype(np.float32)
    for _ in range(3):
        playout = concealer.heard(CODES)
        assert playout.codes is CODES
        assert playout.shape(pcm) is pcm


def test_silence_before_anything_was_heard() -> None:
    concealer = Concealer()
    assert [concealer.lost().codes for _ in range(3)] == [None] * 3
    gain = played([concealer.heard(CODES)])
    assert gain[0] == 0
    assert gain[-1] == 1


def test_the_last_code_is_held_and_fades_to_silence() -> None:
    concealer = Concealer()
    concealer.heard(CODES)
    losses = [concealer.lost() for _ in range(6)]
    held = [p.codes.tolist() if p.codes is not None else None for p in losses]
    assert held == [[8, 8, 8, 8]] * 4 + [None, None]
    gain = played(losses)
    assert gain[0] == 1
    assert np.all(np.diff(gain) <= 0)
    assert gain[4 * 1280 :].max() == 0


def test_the_gain_never_jumps() -> None:
    concealer = Concealer()
    parts = [concealer.heard(CODES)]
    for losses in (1, 3, 6, 2):
        parts += [concealer.lost() for _ in range(losses)]
        parts += [concealer.heard(CODES)] * 1
    assert np.abs(np.diff(played(parts))).max() < 0.005


def test_the_gain_is_back_within_20_ms_of_the_chunk_after_a_loss() -> None:
    concealer = Concealer()
    concealer.heard(CODES)
    for _ in FADE:
        concealer.lost()
    gain = played([concealer.heard(CODES)])
    assert gain[0] == 0
    assert np.all(gain[320:] == 1)


def test_losses_are_counted_anew_after_a_recovery() -> None:
    concealer = Concealer()
    concealer.heard(CODES)
    first = concealer.lost()
    concealer.lost()
    concealer.heard(CODES)
    assert concealer.lost().gain_to == first.gain_to


def test_a_reset_forgets() -> None:
    concealer = Concealer()
    concealer.heard(CODES)
    concealer.reset()
    assert concealer.lost().codes is None
