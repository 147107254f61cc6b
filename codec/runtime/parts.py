"""Where the quick codec's weights come from, and the layers its parts have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from codec.runtime.products import PlainProduct, Precision, Product, product
from codec.runtime.rings import Memory
from codec.runtime.workspace import floats
from codec.spec import CHUNK_CODES

Fetch = Callable[[str], Tensor]
"""A checkpoint's tensor by its name, float32."""

LONG_KERNEL = 64
"""From here a depthwise convolution has its taps side by side in memory, not its channels."""

CHANNELS_AT_ONCE = 256
"""Of a long convolution: so many products, of 512 taps for 4 frames each, fit a core's cache."""


class Parts(Protocol):
    """What a quick codec is made of."""

    def tensor(self, name: str) -> Tensor:
        """A small tensor of the checkpoint, float32."""
        ...

    def product(self, name: str, weight: Callable[[Fetch], Tensor], bias: Tensor | None) -> Product:
        """The product with a matrix (out, in); `weight` makes it where it isn't kept by `name`."""
        ...


class PlainParts:
    """Out of a checkpoint's tensors, in one precision; what is packed or small is copied."""

    def __init__(self, fetch: Fetch, precision: Precision) -> None:
        self._fetch, self._precision = fetch, precision

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], precision: Precision) -> PlainParts:
        return cls(lambda name: tensors[name].detach(), precision)

    def tensor(self, name: str) -> Tensor:
        return self._fetch(name).clone()

    def product(self, name: str, weight: Callable[[Fetch], Tensor], bias: Tensor | None) -> Product:
        return product(weight(self._fetch), bias, self._precision)


def linear(parts: Parts, name: str) -> Product:
    """A linear layer, or a convolution of kernel 1."""
    weight, bias = f"{name}.weight", parts.tensor(f"{name}.bias")
    return parts.product(weight, lambda fetch: fetch(weight).flatten(1), bias)


def exact_linear(parts: Parts, name: str) -> Product:
    """One that stays float32: few weights, and each next to a code's sign."""
    return PlainProduct(parts.tensor(f"{name}.weight"), parts.tensor(f"{name}.bias"))


def taps_first(weight: Tensor) -> Tensor:
    """A convolution's (out, in, taps) as the matrix (out, taps·in) for `windows`."""
    return weight.transpose(1, 2).flatten(1)


def windows(x: Tensor, frames: int, size: int, stride: int = 1) -> Tensor:
    """(time, channels), contiguous -> (frames, size·channels): what each output frame sees."""
    channels = x.shape[1]
    return x.as_strided((frames, size * channels), (stride * channels, 1), x.storage_offset())


def replicated(x: Tensor, past: int) -> Callable[[], Tensor]:
    """(time, channels) -> what makes (past, channels) of the first frame."""
    return lambda: x[:1].expand(past, -1)


def silent(x: Tensor, past: int) -> Callable[[], Tensor]:
    """(time, channels) -> what makes (past, channels) of zeros."""
    return lambda: x.new_zeros(past, x.shape[1])


class Norm:
    """LayerNorm over channels."""

    def __init__(self, parts: Parts, name: str, eps: float = 1e-5) -> None:
        self._weight, self._bias = parts.tensor(f"{name}.weight"), parts.tensor(f"{name}.bias")
        self._shape, self._eps = self._weight.shape, eps

    def __call__(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self._shape, self._weight, self._bias, self._eps)


class Depthwise:
    """A causal depthwise convolution of each stream's chunk of 4 frames."""

    def __init__(self, parts: Parts, name: str, *, replicate: bool) -> None:
        taps = parts.tensor(f"{name}.weight")[:, 0]
        self._bias = parts.tensor(f"{name}.bias")
        self._size = taps.shape[1]
        self._first = replicated if replicate else silent
        self._is_long = self._size >= LONG_KERNEL
        self._taps = taps[:, None].contiguous() if self._is_long else taps.t().contiguous()
        self._by_tap = () if self._is_long else self._taps.unbind()

    def __call__(self, x: Tensor, memories: Sequence[Memory]) -> Tensor:
        """(4·streams, channels) -> the same."""
        step = self._long if self._is_long else self._short
        chunks = x.split(CHUNK_CODES)
        y = [step(chunk, memory) for chunk, memory in zip(chunks, memories, strict=True)]
        return y[0] if len(y) == 1 else torch.cat(y)

    def _short(self, x: Tensor, memory: Memory) -> Tensor:
        first = self._first(x, self._size - 1)
        seen = memory.append(self, x, 0, first)
        frames, channels = x.shape
        # Tap by tap: all the products at once would have to be written down to be added up.
        shifted = seen.as_strided(
            (self._size, frames, channels), (channels, channels, 1), seen.storage_offset()
        ).unbind()
        y = torch.addcmul(self._bias, shifted[0], self._by_tap[0])
        for past, tap in zip(shifted[1:], self._by_tap[1:], strict=True):
            y.addcmul_(past, tap)
        return y

    def _long(self, x: Tensor, memory: Memory) -> Tensor:
        first = self._first(x, self._size - 1)
        seen = memory.append(self, x.t(), 1, lambda: first().t())
        frames, channels = x.shape
        shape, strides = (channels, frames, self._size), (seen.stride(0), 1, 1)
        seen = seen.as_strided(shape, strides, seen.storage_offset())
        y = x.new_empty(channels, frames)
        for start in range(0, channels, CHANNELS_AT_ONCE):
            some = slice(start, min(start + CHANNELS_AT_ONCE, channels))
            products = floats(some.stop - some.start, frames, self._size)
            torch.mul(seen[some], self._taps[some], out=products)
            torch.sum(products, dim=2, out=y[some])
        return torch.add(y.t(), self._bias, out=torch.empty_like(x))
