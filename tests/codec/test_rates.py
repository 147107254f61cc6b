"""Streams that change their rate."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codec.errors import BadCodes
from codec.rates import RatesDecoder, rates_of
from codec.stream import StreamDecoder, StreamEncoder
from tests.models import small_codec, small_nested_codec

SPEECH = 0.3 * torch.randn(12_800, generator=torch.Generator().manual_seed(1)).numpy()


def test_a_model_has_its_own_rate_first_and_then_the_lower_ones():
    assert [view.spec.bits_per_code for view in rates_of(small_nested_codec())] == [16, 12, 11]
    single = small_codec()
    assert rates_of(single) == (single,)


def test_a_stream_goes_on_when_its_rate_changes():
    whole = small_nested_codec()
    encoder = StreamEncoder(whole)
    codes = [encoder.step(SPEECH[i : i + 1280]) for i in range(0, 12_800, 1280)]
    reference, decoder = StreamDecoder(whole), RatesDecoder(whole)
    lean = {1: 0, 5: 4, 6: 5}
    states = []
    for index, chunk in enumerate(codes):
        model_id = (1, 5, 6)[index % 3]
        decoder.use(model_id)
        out = decoder.step(chunk >> lean[model_id])
        full = reference.step(chunk)
        assert out.shape == full.shape
        assert np.isfinite(out).all()
        if model_id == 1 and index == 0:
            np.testing.assert_array_equal(out, full)
        states.append(decoder.state_bytes())
    assert len(set(states)) == 1


def test_a_lost_chunk_is_concealed_at_the_rate_last_heard():
    whole = small_nested_codec()
    decoder = RatesDecoder(whole)
    decoder.use(6)
    decoder.step(np.array([2047, 1, 2, 2047]))
    assert np.isfinite(decoder.step(None)).all()


def test_a_rate_the_model_does_not_have_is_refused():
    with pytest.raises(BadCodes, match="small-lite"):
        RatesDecoder(small_codec()).use(5)
