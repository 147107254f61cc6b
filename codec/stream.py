"""One speaker's stream, a chunk at a time, between numpy and a codec.

Many streams can share one codec: it holds weights only, and each stream its own state, whose size
never changes once the first chunk has passed. A stream is not for two threads at once. It runs the
codec in the form `codec.runtime` gives it for this machine, as its weights are when it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.conceal import Concealer
from codec.errors import BadAudio, BadCodes
from codec.model.codec import Codec, State
from codec.model.state import state_bytes
from codec.runtime.batches import joined, separate
from codec.runtime.packed import packed
from codec.spec import CHUNK_CODES, CHUNK_SAMPLES, CodecSpec

WARM_UP_CHUNKS = 3
"""Enough for torch to have made its thread pool and chosen its kernels."""


class StreamEncoder:
    """Speech -> codes, 80 ms at a time."""

    def __init__(self, codec: Codec) -> None:
        self._codec = packed(codec)
        self._device = device_of(codec)
        self._state: State | None = None

    @property
    def spec(self) -> CodecSpec:
        return self._codec.spec

    def step(self, pcm: NDArray[np.float32]) -> NDArray[np.int64]:
        """(1280,) float32 samples at 16 kHz -> (4,) codes.

        Samples beyond ±1 are clipped; those that are no number, or infinite, become 0: a faulty
        device must not silence the stream for good. Raises BadAudio for another shape or type.
        """
        if not isinstance(pcm, np.ndarray) or pcm.shape != (CHUNK_SAMPLES,):
            raise BadAudio(f"A chunk of speech is {CHUNK_SAMPLES} samples in one row.")
        if pcm.dtype != np.float32:
            raise BadAudio(f"Speech must be float32 within ±1, not {pcm.dtype}.")
        sig = torch.from_numpy(sanitised(pcm))[None].to(self._device)
        with torch.inference_mode():
            codes, self._state = self._codec.encode(sig, self._state)
        return codes[0].cpu().numpy()

    def reset(self) -> None:
        """Forget the stream; the next step begins a new one."""
        self._state = None

    def warm_up(self) -> None:
        """Run a few silent chunks so that the first real one is not late, then reset."""
        for _ in range(WARM_UP_CHUNKS):
            self.step(np.zeros(CHUNK_SAMPLES, np.float32))
        self.reset()

    def state_bytes(self) -> int:
        """Size of the state: 0 before the first step, constant after."""
        return state_bytes(self._state)


class StreamDecoder:
    """Codes -> speech, 80 ms at a time, with something fitting in place of a lost chunk."""

    def __init__(self, codec: Codec) -> None:
        self._codec = packed(codec)
        self._device = device_of(codec)
        self._state: State | None = None
        self._concealer = Concealer()

    @property
    def spec(self) -> CodecSpec:
        return self._codec.spec

    def step(self, codes: NDArray[np.integer] | None) -> NDArray[np.float32]:
        """(4,) codes, or None for a lost chunk -> (spec.chunk_output_samples,) float32 within ±1.

        Raises BadCodes, and leaves the stream as it was, for what this model cannot have sent.
        """
        return step_together([self], [codes])[0]

    def reset(self) -> None:
        """Forget the stream; the next step begins a new one."""
        self._state = None
        self._concealer.reset()

    def warm_up(self) -> None:
        """Decode a few chunks so that the first real one is not late, then reset."""
        for _ in range(WARM_UP_CHUNKS):
            self.step(np.zeros(CHUNK_CODES, np.int64))
        self.reset()

    def state_bytes(self) -> int:
        """Size of the state: 0 before the first chunk, constant after."""
        return state_bytes(self._state)


def step_together(
    decoders: Sequence[StreamDecoder], chunks: Sequence[NDArray[np.integer] | None]
) -> list[NDArray[np.float32]]:
    """A step of each of several streams of one model and rate, in one pass for all of them.

    A pass reads the weights once, however many it decodes: four speakers take much less than four
    times as long as one. Streams may join, be left out and step by themselves between any two
    passes; alone or together, each sounds the same. Raises BadCodes, and leaves all streams as they
    were, for what this model cannot have sent.
    """
    codes = [
        None if chunk is None else checked_codes(chunk, decoder.spec)
        for decoder, chunk in zip(decoders, chunks, strict=True)
    ]
    playouts = [
        decoder._concealer.lost() if chunk is None else decoder._concealer.heard(chunk)
        for decoder, chunk in zip(decoders, codes, strict=True)
    ]
    due = [
        (decoder, playout.codes)
        for decoder, playout in zip(decoders, playouts, strict=True)
        if playout.codes is not None
    ]
    waves: dict[StreamDecoder, NDArray[np.float32]] = {}
    for begun in (True, False):
        group = {each: chunk for each, chunk in due if (each._state is not None) == begun}
        if group:
            waves |= _decode(group)
    return [
        playout.shape(waves[decoder])
        if decoder in waves
        else np.zeros(decoder.spec.chunk_output_samples, np.float32)
        for decoder, playout in zip(decoders, playouts, strict=True)
    ]


def _decode(
    group: Mapping[StreamDecoder, NDArray[np.int64]],
) -> dict[StreamDecoder, NDArray[np.float32]]:
    """Decode a chunk of streams that have all begun, or of which none has."""
    decoders = list(group)
    first = decoders[0]
    states = [decoder._state for decoder in decoders if decoder._state is not None]
    with torch.inference_mode():
        codes = torch.from_numpy(np.stack(list(group.values()))).to(first._device)
        before = joined(states) if len(states) > 1 else next(iter(states), None)
        sig, state = first._codec.decode(codes, before)
        waves = sig.float().cpu().numpy()
    after = separate(state, len(decoders)) if len(decoders) > 1 else [state]
    for decoder, own in zip(decoders, after, strict=True):
        decoder._state = own
    return dict(zip(decoders, waves, strict=True))


def sanitised(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """A copy of the samples within ±1, with 0 for whatever is no number or infinite."""
    if np.abs(pcm).max() <= 1.0:  # nearly always, in a fifth of the time; not true of NaN
        return pcm.copy()
    return np.clip(np.nan_to_num(pcm, nan=0.0, posinf=0.0, neginf=0.0), -1.0, 1.0)


def checked_codes(codes: NDArray[np.integer], spec: CodecSpec) -> NDArray[np.int64]:
    """One chunk's codes as int64; raises BadCodes unless they are (4,) integers in range."""
    if not isinstance(codes, np.ndarray) or codes.shape != (CHUNK_CODES,):
        raise BadCodes(f"A chunk is {CHUNK_CODES} codes in one row.")
    if codes.dtype.kind not in "iu":
        raise BadCodes(f"Codes must be whole numbers, not {codes.dtype}.")
    if codes.min() < 0 or codes.max() >= 1 << spec.bits_per_code:
        raise BadCodes(f"A code lies outside what {spec.name} can send; is it the right model?")
    return codes.astype(np.int64)


def device_of(codec: Codec) -> torch.device:
    """Where the codec's weights are."""
    first: Tensor | None = next(codec.parameters(), None)
    return first.device if first is not None else torch.device("cpu")
