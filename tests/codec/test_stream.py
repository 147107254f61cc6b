from __future__ import annotations

import numpy as np
import pytest
import torch

from codec.errors import BadAudio, BadCodes
from codec.model.focalcodec import FocalCodec
from codec.stream import StreamDecoder, StreamEncoder

CHUNK = 1280


def test_streams_equal_the_whole_file(small: FocalCodec, speech: np.ndarray) -> None:
    sig = torch.from_numpy(speech)[None]
    whole_codes, _ = small.encode(sig)
    whole_rec, _ = small.decode(whole_codes)
    encoder, decoder = StreamEncoder(small), StreamDecoder(small)
    codes = [encoder.step(chunk) for chunk in speech.reshape(-1, CHUNK)]
    pcm = [decoder.step(chunk) for chunk in codes]
    assert np.array_equal(np.concatenate(codes), whole_codes[0].numpy())
    np.testing.assert_allclose(np.concatenate(pcm), whole_rec[0].numpy(), atol=1e-4)
    assert pcm[0].dtype == np.float32
    assert pcm[0].shape == (small.spec.chunk_output_samples,)


def test_many_streams_share_one_codec(small: FocalCodec, speech: np.ndarray) -> None:
    chunks = speech.reshape(-1, CHUNK)
    alone = StreamEncoder(small)
    expected = [alone.step(chunk) for chunk in chunks]
    first, second = StreamEncoder(small), StreamEncoder(small)
    for i, chunk in enumerate(chunks):
        second.step(-chunk[::-1].copy())
        assert np.array_equal(first.step(chunk), expected[i])


def test_the_state_keeps_its_size(small: FocalCodec) -> None:
    encoder, decoder = StreamEncoder(small), StreamDecoder(small)
    rng = np.random.default_rng(0)
    assert encoder.state_bytes() == decoder.state_bytes() == 0
    decoder.step(encoder.step(np.zeros(CHUNK, np.float32)))
    sizes = encoder.state_bytes(), decoder.state_bytes()
    assert min(sizes) > 0
    for i in range(60):
        codes = encoder.step(rng.uniform(-1, 1, CHUNK).astype(np.float32))
        decoder.step(codes if i % 10 else None)
        assert (encoder.state_bytes(), decoder.state_bytes()) == sizes


def test_reset_and_warm_up_start_a_stream_anew(small: FocalCodec, speech: np.ndarray) -> None:
    chunk = speech[CHUNK : 2 * CHUNK]
    fresh = StreamEncoder(small).step(chunk)
    used = StreamEncoder(small)
    used.warm_up()
    assert used.state_bytes() == 0
    assert np.array_equal(used.step(chunk), fresh)
    used.step(chunk)
    used.reset()
    assert np.array_equal(used.step(chunk), fresh)

    decoder = StreamDecoder(small)
    heard = decoder.step(fresh)
    decoder.step(None)
    decoder.reset()
    assert not decoder.step(None).any()
    decoder.warm_up()
    np.testing.assert_array_equal(decoder.step(fresh), heard)


def test_numbers_that_are_none_become_silence(small: FocalCodec, speech: np.ndarray) -> None:
    broken = speech[:CHUNK].copy()
    broken[[3, 100, 200]] = [np.nan, np.inf, -np.inf]
    mended = speech[:CHUNK].copy()
    mended[[3, 100, 200]] = 0
    a, b = StreamEncoder(small), StreamEncoder(small)
    assert np.array_equal(a.step(broken), b.step(mended))
    following = speech[CHUNK : 2 * CHUNK]
    assert np.array_equal(a.step(following), b.step(following))


def test_too_loud_is_clipped(small: FocalCodec, speech: np.ndarray) -> None:
    loud = (100 * speech[:CHUNK]).astype(np.float32)
    clipped = np.clip(loud, -1, 1)
    assert np.array_equal(StreamEncoder(small).step(loud), StreamEncoder(small).step(clipped))


@pytest.mark.parametrize(
    "pcm",
    [
        np.zeros(1279, np.float32),
        np.zeros((1, 1280), np.float32),
        np.zeros(1280, np.float64),
        np.zeros(1280, np.int16),
        [0.0] * 1280,
        None,
    ],
)
def test_other_shapes_and_types_are_refused(small: FocalCodec, pcm: object) -> None:
    with pytest.raises(BadAudio):
        StreamEncoder(small).step(pcm)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "codes",
    [np.zeros(3, int), np.zeros((1, 4), int), np.zeros(4), [1, 2, 3, 4], np.array([0, 0, 0, 2048])],
)
def test_codes_the_model_cannot_have_sent_are_refused(small: FocalCodec, codes: object) -> None:
    decoder = StreamDecoder(small)
    good = np.array([1, 2, 3, 4])
    decoder.step(good)
    other = StreamDecoder(small)
    other.step(good)
    with pytest.raises(BadCodes):
        decoder.step(codes)  # type: ignore[arg-type]
    np.testing.assert_array_equal(decoder.step(good), other.step(good))


def test_lost_chunks_fade_and_come_back(small: FocalCodec) -> None:
    decoder = StreamDecoder(small)
    size = small.spec.chunk_output_samples
    assert not decoder.step(None).any()
    codes = np.array([100, 900, 1500, 2000])
    for _ in range(5):
        decoder.step(codes)
    lost = [np.abs(decoder.step(None)).mean() for _ in range(6)]
    assert lost[0] > lost[3] > 0
    assert lost[4:] == [0, 0]
    back = decoder.step(codes)
    assert back.shape == (size,)
    assert back[0] == 0
    assert np.abs(back[size // 2 :]).max() > 0
