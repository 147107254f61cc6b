from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import numpy as np
import pytest
import soundfile
import torch

from codec.errors import ModelMissing
from codec.model.codec import Codec
from codec.model.focalcodec import FocalCodec
from codec.model.lite import LiteCodec
from codec.model.state import state_tensors
from codec.runtime.layers import PackedLinear
from codec.runtime.packed import packed
from codec.runtime.products import PrecisionUnknown, available
from codec.runtime.quick import QuickFocalCodec
from codec.stream import StreamDecoder, StreamEncoder
from codec.weights import dequantized, load, quantized_int8
from tests.models import SMALL_LITE

CHUNK = 1280


@pytest.fixture
def model() -> LiteCodec:
    """Random weights that were int8, large enough to be packed."""
    torch.manual_seed(5)
    wider = {name: 64 for name in SMALL_LITE if name.endswith(("_dim", "_hidden"))}
    codec = LiteCodec(SMALL_LITE | wider).eval().requires_grad_(False)
    codec.load_state_dict(dequantized(quantized_int8(codec.state_dict())))
    return codec


@pytest.fixture(scope="module")
def bundled() -> Codec:
    try:
        return load()
    except ModelMissing:
        pytest.skip("the bundled model is not in assets/model")


@pytest.fixture(scope="module")
def talk() -> np.ndarray:
    """The demo's clip: somebody speaks; whole chunks of it."""
    with resources.as_file(resources.files("assets") / "speech" / "demo.flac") as file:
        pcm, rate = soundfile.read(file, dtype="float32")
    assert rate == 16_000
    return pcm[: len(pcm) // CHUNK * CHUNK]


@torch.inference_mode()
def by_chunk(codec: Codec, sig: torch.Tensor) -> tuple[torch.Tensor, list[list[torch.Size]]]:
    codes, shapes, state = [], [], None
    for chunk in sig.split(CHUNK, dim=1):
        piece, state = codec.encode(chunk, state)
        codes.append(piece)
        shapes.append([tensor.shape for tensor in state_tensors(state)])
    return torch.cat(codes, 1), shapes


@torch.inference_mode()
def heard(codec: Codec, codes: torch.Tensor) -> tuple[torch.Tensor, list[list[torch.Size]]]:
    parts, shapes, state = [], [], None
    for chunk in codes.split(4, dim=1):
        piece, state = codec.decode(chunk, state)
        parts.append(piece)
        shapes.append([tensor.shape for tensor in state_tensors(state)])
    return torch.cat(parts, 1), shapes


def test_packed_speech_is_the_plain_paths(bundled: Codec, talk: np.ndarray) -> None:
    fast = packed(bundled)
    assert fast is not bundled
    assert fast.spec == bundled.spec
    sig = torch.from_numpy(talk)[None]
    plain_codes, plain_shapes = by_chunk(bundled, sig)
    codes, shapes = by_chunk(fast, sig)
    assert (codes == plain_codes).float().mean() >= 0.999
    assert shapes == plain_shapes == [shapes[0]] * len(shapes)
    plain_wave, plain_shapes = heard(bundled, plain_codes)
    wave, shapes = heard(fast, plain_codes)
    assert (wave - plain_wave).norm() < 1e-3 * plain_wave.norm()
    assert shapes == plain_shapes == [shapes[0]] * len(shapes)


def test_states_pass_between_the_plain_and_the_packed(model: LiteCodec, speech: np.ndarray) -> None:
    sig = torch.from_numpy(speech)[None]
    fast = packed(model)
    plain_codes, _ = model.encode(sig)
    first, state = model.encode(sig[:, : 5 * CHUNK])
    second, _ = fast.encode(sig[:, 5 * CHUNK :], state)
    assert torch.equal(torch.cat([first, second], 1), plain_codes)


def test_streams_share_what_was_packed(model: LiteCodec) -> None:
    a, b = packed(model), packed(model)
    assert isinstance(a, LiteCodec)
    assert isinstance(b, LiteCodec)
    assert isinstance(a.overlap_add.head, PackedLinear)
    assert a.overlap_add.head is b.overlap_add.head
    assert a.encoder_norm.weight is model.encoder_norm.weight
    assert packed(a) is a


@pytest.mark.parametrize("how", ["in place", "another tensor"])
def test_changed_weights_are_packed_anew(model: LiteCodec, how: str) -> None:
    codes = torch.arange(8)[None]
    before, _ = packed(model).decode(codes)
    if how == "in place":
        model.overlap_add.head.weight.mul_(0.5)
    else:
        weight = 0.5 * model.overlap_add.head.weight
        model.overlap_add.head.weight = torch.nn.Parameter(weight, requires_grad=False)
    after, _ = packed(model).decode(codes)
    plain, _ = model.decode(codes)
    assert not torch.allclose(before, plain, atol=1e-3)
    torch.testing.assert_close(after, plain, rtol=0, atol=1e-5)


def test_a_forgotten_model_leaves_nothing_behind(model: LiteCodec) -> None:
    layer = weakref.ref(packed(model).decompressor.blocks[0].depthwise)
    assert layer() is not None
    own = weakref.ref(model.decompressor)
    # The fixture itself holds the model, so its parts are taken away instead.
    del model.encoder, model.decompressor, model.vocoder
    gc.collect()
    assert own() is None
    assert layer() is None


@pytest.mark.parametrize("precision", available())
def test_few_tokens_of_speech_change_in_any_precision(
    bundled: Codec, talk: np.ndarray, precision
) -> None:
    if precision == "bfloat16":
        pytest.skip("8 bits of every activation are too few to promise this")
    sig = torch.from_numpy(talk)[None]
    plain, _ = bundled.encode(sig)
    codes, _ = by_chunk(packed(bundled, precision), sig)
    assert (codes == plain).float().mean() >= 0.97


def test_a_precision_by_hand(model: LiteCodec, small: FocalCodec) -> None:
    codes = torch.arange(8)[None]
    half, whole = packed(model, "bfloat16").decode(codes)[0], packed(model, "float32").decode(codes)
    plain, _ = model.decode(codes)
    torch.testing.assert_close(whole[0], plain, rtol=0, atol=1e-5)
    assert not torch.allclose(half, plain, rtol=0, atol=1e-5)
    fast = packed(small, "bfloat16")
    assert isinstance(fast, QuickFocalCodec)
    assert fast.precision == "bfloat16"


def test_a_precision_that_is_none_is_refused(model: LiteCodec) -> None:
    with pytest.raises(PrecisionUnknown, match="int3"):
        packed(model, "int3")  # type: ignore[arg-type]


def test_focalcodec_is_made_quick_once(small: FocalCodec) -> None:
    fast = packed(small)
    assert isinstance(fast, QuickFocalCodec)
    assert fast.precision == "float32"
    assert packed(small) is fast
    assert packed(fast) is fast


def test_elsewhere_than_on_the_cpu_a_model_stays_as_it_is(small_config) -> None:
    with torch.device("meta"):
        elsewhere = FocalCodec(small_config)
    assert packed(elsewhere) is elsewhere


def test_streams_in_many_threads_do_not_meet(model: LiteCodec, speech: np.ndarray) -> None:
    chunks = speech.reshape(-1, CHUNK)

    def talk(gain: float) -> np.ndarray:
        encoder, decoder = StreamEncoder(model), StreamDecoder(model)
        return np.stack([decoder.step(encoder.step(gain * chunk)) for chunk in chunks])

    gains = [np.float32(g) for g in (1.0, 0.5, 0.25, 0.125)]
    alone = [talk(gain) for gain in gains]
    with ThreadPoolExecutor(len(gains)) as threads:
        together = list(threads.map(talk, gains))
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)
