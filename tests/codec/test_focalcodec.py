"""The model's structure, on a small random one: streaming, batches, memory, config."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from codec.errors import BadFeatures, ModelConfigInvalid
from codec.model.config import FocalCodecConfig
from codec.model.encoder import relative_buckets
from codec.model.focalcodec import BLOCK_CHUNKS, FocalCodec
from codec.model.quantizer import BinarySphericalQuantizer

CHUNK = 1280


def noise(batch: int, chunks: int, seed: int = 0) -> Tensor:
    return 0.3 * torch.randn(batch, chunks * CHUNK, generator=torch.Generator().manual_seed(seed))


def in_pieces(step: Any, x: Tensor, sizes: list[int]) -> tuple[Tensor, Any]:
    """Run a streaming step over x in pieces of these lengths, the last as often as it takes."""
    state, out, start = None, [], 0
    while start < x.shape[1]:
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        y, state = step(x[:, start : start + size], state)
        out.append(y)
        start += size
    return torch.cat(out, 1), state


@pytest.mark.parametrize("chunks", [[1], [2], [3, 1, 5, 2], [7], [BLOCK_CHUNKS + 9, 1]])
def test_streaming_equals_the_whole_file(small: FocalCodec, chunks: list[int]) -> None:
    sig = noise(2, BLOCK_CHUNKS + 21)
    whole, _ = small.sig_to_feats(sig)
    feats, _ = in_pieces(small.sig_to_feats, sig, [n * CHUNK for n in chunks])
    torch.testing.assert_close(feats, whole, rtol=0, atol=1e-4)

    whole_lats, _ = small.feats_to_lats(whole)
    lats, _ = in_pieces(small.feats_to_lats, whole, [n * 4 for n in chunks])
    torch.testing.assert_close(lats, whole_lats, rtol=0, atol=1e-4)

    codes = small.lats_to_codes(whole_lats)
    whole_rec, _ = small.decode(codes)
    rec, _ = in_pieces(small.decode, codes, [n * 4 for n in chunks])
    torch.testing.assert_close(rec, whole_rec, rtol=0, atol=1e-4)


def test_blocks_do_not_change_the_numbers(
    small: FocalCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    sig = noise(1, 30)
    feats, _ = small.sig_to_feats(sig)
    monkeypatch.setattr("codec.model.focalcodec.BLOCK_CHUNKS", 7)
    blocks, _ = small.sig_to_feats(sig)
    torch.testing.assert_close(blocks, feats, rtol=0, atol=1e-4)


def test_a_frame_sees_its_chunk_and_the_window_and_nothing_else(small: FocalCodec) -> None:
    """Of one attention layer: change one frame, see which outputs change."""
    transformer = small.encoder.encoder
    window, frames, touched = transformer.window, 40, 13
    query = torch.arange(frames)[:, None]
    key = torch.arange(-transformer.past_frames, frames)
    visible = transformer._visible(query, key, torch.zeros(1, dtype=torch.int64))[0, 0]
    sees = visible[:, transformer.past_frames + touched].nonzero().flatten().tolist()
    assert sees == list(range(12, 12 + window))
    assert not visible[:, : transformer.past_frames].any()


def test_later_sound_changes_no_earlier_code(small: FocalCodec) -> None:
    sig = noise(1, 12)
    other = sig.clone()
    other[:, 8 * CHUNK :] = noise(1, 4, seed=1)
    feats, _ = small.sig_to_feats(sig)
    changed, _ = small.sig_to_feats(other)
    assert torch.equal(feats[:, :32], changed[:, :32])
    assert not torch.equal(feats[:, 32:], changed[:, 32:])


def test_streams_of_a_batch_do_not_mix(small: FocalCodec) -> None:
    sig = noise(3, 10)
    together, _ = in_pieces(small.sig_to_feats, sig, [CHUNK])
    for i in range(3):
        alone, _ = in_pieces(small.sig_to_feats, sig[i : i + 1], [CHUNK])
        torch.testing.assert_close(together[i : i + 1], alone, rtol=0, atol=1e-4)


def test_two_streams_share_the_weights_in_turn(small: FocalCodec) -> None:
    first, second = noise(1, 6, seed=1), noise(1, 6, seed=2)
    expected = [small.sig_to_feats(sig)[0] for sig in (first, second)]
    states: list[Any] = [None, None]
    found: list[list[Tensor]] = [[], []]
    for i in range(6):
        for k, sig in enumerate((first, second)):
            y, states[k] = small.sig_to_feats(sig[:, i * CHUNK : (i + 1) * CHUNK], states[k])
            found[k].append(y)
    for k in range(2):
        torch.testing.assert_close(torch.cat(found[k], 1), expected[k], rtol=0, atol=1e-4)


def test_streams_begun_at_different_times_can_run_as_one_batch(small: FocalCodec) -> None:
    early, late = noise(1, 8, seed=1), noise(1, 6, seed=2)
    expected, _ = small.sig_to_feats(late)
    _, early_state = small.sig_to_feats(early[:, : 2 * CHUNK])
    late_first, late_state = small.sig_to_feats(late[:, :CHUNK])
    state = join(early_state, late_state)
    both = torch.cat([early[:, 2 * CHUNK : 7 * CHUNK], late[:, CHUNK:]])
    y, _ = small.sig_to_feats(both, state)
    torch.testing.assert_close(torch.cat([late_first, y[1:]], 1), expected, rtol=0, atol=1e-4)


def join(a: Any, b: Any) -> Any:
    """Two streams' states as the state of a batch of two."""
    if isinstance(a, Tensor):
        return torch.cat([a, b])
    parts = [join(x, y) for x, y in zip(a, b, strict=True)]
    return type(a)(*parts) if hasattr(a, "_fields") else tuple(parts)


def test_whole_file_attention_stays_small(
    small: FocalCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = 0
    attend = torch.nn.functional.scaled_dot_product_attention

    def measured(*args: Any, attn_mask: Tensor, **kwargs: Any) -> Tensor:
        nonlocal largest
        largest = max(largest, attn_mask.numel())
        return attend(*args, attn_mask=attn_mask, **kwargs)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", measured)
    small.sig_to_feats(noise(1, 5 * BLOCK_CHUNKS))
    frames = 4 * BLOCK_CHUNKS
    assert 0 < largest <= 2 * frames * (frames + 16)


def test_gradients_reach_the_first_layer(small_config: dict[str, Any]) -> None:
    model = FocalCodec(small_config)
    lats, _ = model.feats_to_lats(model.sig_to_feats(noise(1, 3))[0])
    lats.square().sum().backward()
    first = model.get_parameter("encoder.feature_extractor.layers.0.conv.weight")
    assert first.grad is not None
    assert first.grad.abs().max() > 0


def test_features_of_a_wrong_shape_are_refused(small: FocalCodec) -> None:
    with pytest.raises(BadFeatures):
        small.vocode(torch.zeros(4, 16))


@pytest.mark.parametrize("bits", [11, 12, 16])
def test_codes_and_vectors_are_inverse(bits: int) -> None:
    quantizer = BinarySphericalQuantizer(bits)
    codes = torch.arange(2**bits)
    vectors = quantizer.to_vectors(codes)
    assert torch.equal(quantizer.to_codes(vectors), codes)
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(2**bits))
    assert vectors[1, -1] > 0 > vectors[1, 0]


def test_relative_buckets() -> None:
    offsets = torch.tensor([0, -1, -79, -80, -511, -5000, 1, 3])
    buckets = relative_buckets(offsets, 320, 800).tolist()
    assert buckets[:4] == [0, 1, 79, 80]
    assert 80 < buckets[4] < 159
    assert buckets[5:] == [159, 161, 163]


@pytest.mark.parametrize(
    ("part", "field", "value", "told"),
    [
        ("encoder", "causal", False, "causal"),
        ("encoder", "lookahead_size", 7, "lookahead_size"),
        ("encoder", "dim", -1, "dim"),
        ("encoder", "dim", "16", "dim"),
        ("encoder", "strides", 5, "strides"),
        ("encoder", "strides", [5, 2, 2, 2, 2, 2, 4], "50 frames"),
        ("encoder", "num_heads", 3, "num_heads"),
        ("encoder", "surprise", 1, "surprise"),
        ("compressor", "downscale_factors", [2, 1], "downscale_factors"),
        ("compressor", "output_dim", 12, "log2"),
        ("compressor", "input_dim", 8, "encoder dim"),
        ("compressor", "use_post_norm", True, "use_post_norm"),
        ("quantizer", "codebook_size", 1000, "1000"),
        ("decoder", "input_dim", 8, "decompressor output_dim"),
    ],
)
def test_a_config_that_cannot_be_built_says_why(
    small_config: dict[str, Any], part: str, field: str, value: Any, told: str
) -> None:
    small_config[f"{part}_config"][field] = value
    with pytest.raises(ModelConfigInvalid, match=told):
        FocalCodecConfig.from_dict(small_config)


def test_a_config_of_another_family_is_refused(small_config: dict[str, Any]) -> None:
    small_config["decoder_name"] = "Vocos"
    with pytest.raises(ModelConfigInvalid, match="Vocos"):
        FocalCodecConfig.from_dict(small_config)
    with pytest.raises(ModelConfigInvalid, match="encoder_config"):
        FocalCodecConfig.from_dict({"encoder_config": []})


def test_what_is_left_out_has_the_full_size() -> None:
    sizes = FocalCodecConfig.from_dict({"quantizer_config": {"codebook_size": 2**16}})
    assert sizes.compressor.output_dim == sizes.decompressor.input_dim == 16
    assert sizes.encoder.dim == sizes.decoder.dim == 1024


def test_a_decoder_trained_to_lag_says_by_how_much(small_config: dict[str, Any]) -> None:
    assert FocalCodec(small_config).spec.delay_samples == 0
    assert FocalCodec({**small_config, "delay_samples": 480}).spec.delay_samples == 480
    with pytest.raises(ModelConfigInvalid, match="delay_samples is -1"):
        FocalCodec({**small_config, "delay_samples": -1})
