from __future__ import annotations

import math

import numpy as np
import pytest

from codec.evaluate.entropy import token_entropy


def drawn(shares: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice(len(shares), count, p=shares)


def test_tokens_that_use_all_their_bits():
    found = token_entropy(np.tile(np.arange(256), 4), 8)
    assert found.bits == found.counted == found.estimate == pytest.approx(8.0)
    assert found.share(found.estimate) == pytest.approx(1.0)
    assert found.tokens == 1024


def test_one_token_over_and_over_says_nothing():
    found = token_entropy(np.full(100, 77), 16)
    assert found.bits == found.tree == found.counted == found.estimate == 0.0


def test_no_token_is_no_number():
    assert math.isnan(token_entropy(np.zeros(0, np.int64), 16).estimate)


def test_a_bit_that_repeats_another_is_seen_by_the_tree_only():
    half = np.random.default_rng(0).integers(0, 256, 50_000)
    found = token_entropy(half << 8 | half, 16)
    assert found.bits == pytest.approx(16.0, abs=0.01)
    assert found.tree == pytest.approx(8.0, abs=0.02)
    assert found.counted == pytest.approx(8.0, abs=0.02)


def test_the_truth_lies_between_floor_and_ceiling_where_tokens_are_too_few_to_count():
    shares = 1.0 / np.arange(1, 65_537)
    shares /= shares.sum()
    truth = float(-(shares * np.log2(shares)).sum())
    found = token_entropy(drawn(shares, 8000), 16)
    assert found.counted < truth < found.tree <= found.bits
    assert found.counted < math.log2(8000)
    assert abs(found.estimate - truth) < 0.6 * (truth - found.counted)


def test_chance_makes_no_redundancy():
    found = token_entropy(np.random.default_rng(1).integers(0, 65_536, 5000), 16)
    assert found.tree == pytest.approx(found.bits, abs=0.02)
    assert found.bits == pytest.approx(16.0, abs=0.01)
