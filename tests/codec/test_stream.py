from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from codec.errors import BadAudio, BadCodes, ModelMissing
from codec.model.codec import Codec
from codec.model.lite import LiteCodec
from codec.model.state import state_bytes, state_tensors
from codec.stream import StreamDecoder, StreamEncoder, step_together
from codec.weights import load

CHUNK = 1280


def test_streams_equal_the_whole_file(either: Codec, speech: np.ndarray) -> None:
    sig = torch.from_numpy(speech)[None]
    whole_codes, _ = either.encode(sig)
    whole_rec, _ = either.decode(whole_codes)
    encoder, decoder = StreamEncoder(either), StreamDecoder(either)
    codes = [encoder.step(chunk) for chunk in speech.reshape(-1, CHUNK)]
    pcm = [decoder.step(chunk) for chunk in codes]
    assert np.array_equal(np.concatenate(codes), whole_codes[0].numpy())
    np.testing.assert_allclose(np.concatenate(pcm), whole_rec[0].numpy(), atol=1e-4)
    assert pcm[0].dtype == np.float32
    assert pcm[0].shape == (either.spec.chunk_output_samples,)


@pytest.mark.parametrize("chunks", [[1], [2], [3, 1, 5, 2], [40], [1, 60]])
def test_pieces_of_any_size_equal_the_whole_file(either: Codec, chunks: list[int]) -> None:
    sig = noise(85, batch=2)
    whole_codes, _ = either.encode(sig)
    whole_rec, _ = either.decode(whole_codes)
    encode_state = decode_state = None
    codes, rec = [], []
    done = 0
    for count in itertools.chain(chunks[:-1], itertools.repeat(chunks[-1])):
        if done >= 85:
            break
        piece, encode_state = either.encode(
            sig[:, done * CHUNK : (done + count) * CHUNK], encode_state
        )
        sound, decode_state = either.decode(
            whole_codes[:, 4 * done : 4 * (done + count)], decode_state
        )
        codes.append(piece)
        rec.append(sound)
        done += count
    assert torch.equal(torch.cat(codes, 1), whole_codes)
    torch.testing.assert_close(torch.cat(rec, 1), whole_rec, rtol=0, atol=1e-4)


def noise(chunks: int, batch: int = 1, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.3 * torch.randn(batch, chunks * CHUNK, generator=generator)


def test_the_bundled_model_streams_as_it_codes_a_whole_file(speech: np.ndarray) -> None:
    try:
        codec = load().requires_grad_(False)
    except ModelMissing:
        pytest.skip("the bundled model is not in assets/model")
    assert isinstance(codec, LiteCodec)
    sig = torch.from_numpy(speech)[None]
    whole_lats, _ = codec.latents(sig)
    state, lats = None, []
    for chunk in sig.split(CHUNK, dim=1):
        piece, state = codec.latents(chunk, state)
        lats.append(piece)
    torch.testing.assert_close(torch.cat(lats, 1), whole_lats, rtol=0, atol=1e-4)
    codes, _ = codec.encode(sig)
    whole_rec, _ = codec.decode(codes)
    decoder = StreamDecoder(codec)
    pcm = [decoder.step(chunk) for chunk in codes[0].numpy().reshape(-1, 4)]
    np.testing.assert_allclose(np.concatenate(pcm), whole_rec[0].numpy(), atol=1e-4)


def test_many_streams_share_one_codec(either: Codec, speech: np.ndarray) -> None:
    chunks = speech.reshape(-1, CHUNK)
    alone = StreamEncoder(either)
    expected = [alone.step(chunk) for chunk in chunks]
    first, second = StreamEncoder(either), StreamEncoder(either)
    for i, chunk in enumerate(chunks):
        second.step(-chunk[::-1].copy())
        assert np.array_equal(first.step(chunk), expected[i])


def test_the_state_keeps_its_size(either: Codec) -> None:
    encoder, decoder = StreamEncoder(either), StreamDecoder(either)
    rng = np.random.default_rng(0)
    assert encoder.state_bytes() == decoder.state_bytes() == 0
    decoder.step(encoder.step(np.zeros(CHUNK, np.float32)))
    sizes = encoder.state_bytes(), decoder.state_bytes()
    assert min(sizes) > 0
    for i in range(60):
        codes = encoder.step(rng.uniform(-1, 1, CHUNK).astype(np.float32))
        decoder.step(codes if i % 10 else None)
        assert (encoder.state_bytes(), decoder.state_bytes()) == sizes


def test_the_state_keeps_its_size_over_ten_minutes(either: Codec) -> None:
    """7500 chunks, in pieces of many sizes since each is worth as much as single ones."""
    sizes = itertools.cycle([1, 32, 2, 64, 100])
    encode_state = decode_state = None
    shapes = None
    done = 0
    while done < 7500:
        chunks = next(sizes)
        codes, encode_state = either.encode(noise(chunks, seed=done), encode_state)
        sig, decode_state = either.decode(codes, decode_state)
        shapes = shapes or [t.shape for t in state_tensors((encode_state, decode_state))]
        assert [t.shape for t in state_tensors((encode_state, decode_state))] == shapes
        done += chunks
    assert sig.isfinite().all()
    assert state_bytes(None) == 0 < state_bytes(encode_state)


def test_reset_and_warm_up_start_a_stream_anew(either: Codec, speech: np.ndarray) -> None:
    chunk = speech[CHUNK : 2 * CHUNK]
    fresh = StreamEncoder(either).step(chunk)
    used = StreamEncoder(either)
    used.warm_up()
    assert used.state_bytes() == 0
    assert np.array_equal(used.step(chunk), fresh)
    used.step(chunk)
    used.reset()
    assert np.array_equal(used.step(chunk), fresh)

    decoder = StreamDecoder(either)
    heard = decoder.step(fresh)
    decoder.step(None)
    decoder.reset()
    assert not decoder.step(None).any()
    decoder.warm_up()
    np.testing.assert_array_equal(decoder.step(fresh), heard)


def test_numbers_that_are_none_become_silence(either: Codec, speech: np.ndarray) -> None:
    broken = speech[:CHUNK].copy()
    broken[[3, 100, 200]] = [np.nan, np.inf, -np.inf]
    mended = speech[:CHUNK].copy()
    mended[[3, 100, 200]] = 0
    a, b = StreamEncoder(either), StreamEncoder(either)
    assert np.array_equal(a.step(broken), b.step(mended))
    following = speech[CHUNK : 2 * CHUNK]
    assert np.array_equal(a.step(following), b.step(following))


def test_too_loud_is_clipped(either: Codec, speech: np.ndarray) -> None:
    loud = (100 * speech[:CHUNK]).astype(np.float32)
    clipped = np.clip(loud, -1, 1)
    assert np.array_equal(StreamEncoder(either).step(loud), StreamEncoder(either).step(clipped))


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
def test_other_shapes_and_types_are_refused(either: Codec, pcm: object) -> None:
    with pytest.raises(BadAudio):
        StreamEncoder(either).step(pcm)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "codes",
    [
        np.zeros(3, int),
        np.zeros((1, 4), int),
        np.zeros(4),
        [1, 2, 3, 4],
        np.array([0, 0, 0, 2**16]),
    ],
)
def test_codes_the_model_cannot_have_sent_are_refused(either: Codec, codes: object) -> None:
    decoder = StreamDecoder(either)
    good = np.array([1, 2, 3, 4])
    decoder.step(good)
    other = StreamDecoder(either)
    other.step(good)
    with pytest.raises(BadCodes):
        decoder.step(codes)  # type: ignore[arg-type]
    np.testing.assert_array_equal(decoder.step(good), other.step(good))


def test_lost_chunks_fade_and_come_back(either: Codec) -> None:
    decoder = StreamDecoder(either)
    size = either.spec.chunk_output_samples
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


@pytest.mark.parametrize("samples", [0, 1, 1279, 1281])
def test_speech_that_is_not_whole_chunks_is_refused(either: Codec, samples: int) -> None:
    with pytest.raises(BadAudio, match="1280"):
        either.encode(torch.zeros(1, samples))


@pytest.mark.parametrize("count", [0, 3, 5])
def test_codes_that_are_not_whole_chunks_are_refused(either: Codec, count: int) -> None:
    with pytest.raises(BadCodes, match="whole chunks of 4"):
        either.decode(torch.zeros(1, count, dtype=torch.int64))


def codes_of(codec: Codec, seed: int, chunks: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 1 << codec.spec.bits_per_code, (chunks, 4))


def test_peers_together_sound_as_each_alone(either: Codec) -> None:
    """They come at different times, one loses chunks, one pauses, one goes and comes back."""
    codes = {name: codes_of(either, i, 12) for i, name in enumerate("abc")}
    together = {name: StreamDecoder(either) for name in codes}
    alone = {name: StreamDecoder(either) for name in codes}
    for i in range(12):
        due = {"a": codes["a"][i]}
        if i >= 2:
            due["b"] = None if i in (5, 6) else codes["b"][i]
        if i not in (0, 7, 8):
            due["c"] = codes["c"][i]
        if i == 9:
            together["b"].reset()
            alone["b"].reset()
        found = step_together([together[name] for name in due], list(due.values()))
        for wave, (name, chunk) in zip(found, due.items(), strict=True):
            np.testing.assert_allclose(wave, alone[name].step(chunk), rtol=0, atol=1e-4)


def test_one_may_step_alone_between_two_passes(either: Codec) -> None:
    codes = {name: codes_of(either, i, 9) for i, name in enumerate("ab")}
    a, b = StreamDecoder(either), StreamDecoder(either)
    alone = {name: StreamDecoder(either) for name in codes}
    for i in range(0, 9, 3):
        first, second, third = (codes["a"][j] for j in range(i, i + 3))
        found = [step_together([a, b], [first, codes["b"][i]])[0], a.step(second), a.step(third)]
        for wave, chunk in zip(found, (first, second, third), strict=True):
            np.testing.assert_allclose(wave, alone["a"].step(chunk), rtol=0, atol=1e-4)
        expected = alone["b"].step(codes["b"][i])
    wave = step_together([b, a], [codes["b"][1], codes["a"][0]])[0]
    assert expected.any()
    np.testing.assert_allclose(wave, alone["b"].step(codes["b"][1]), rtol=0, atol=1e-4)


def test_a_peer_of_whom_nothing_came_is_silent(either: Codec) -> None:
    peers = [StreamDecoder(either) for _ in range(2)]
    quiet, heard = step_together(peers, [None, codes_of(either, 1, 1)[0]])
    assert not quiet.any()
    assert heard.any()
    assert step_together([], []) == []


def test_bad_codes_of_one_peer_change_no_stream(either: Codec) -> None:
    codes = codes_of(either, 2, 3)
    a, b, alone = StreamDecoder(either), StreamDecoder(either), StreamDecoder(either)
    step_together([a, b], [codes[0], codes[1]])
    alone.step(codes[0])
    with pytest.raises(BadCodes):
        step_together([a, b], [codes[1], np.full(4, 1 << 20)])
    np.testing.assert_allclose(a.step(codes[2]), alone.step(codes[2]), rtol=0, atol=1e-4)
