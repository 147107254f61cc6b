"""Matrix products for a few rows at a time, with the weights laid out once for this machine.

A chunk is 4 rows, a model 249 million weights: what takes time is to read the weights, so the
fewer bytes each has, the sooner a chunk is done. Sums are float32 whatever the weights are.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from codec.errors import CodecError
from codec.runtime.workspace import halves

Precision = Literal["float32", "float16", "bfloat16", "int8"]

PRECISIONS: tuple[Precision, ...] = ("float32", "float16", "bfloat16", "int8")
"""All there are, by the bytes of a weight."""

EXACT_ENOUGH: tuple[Precision, ...] = ("float32", "float16", "int8")
"""Those that a choice by itself may fall on, the most exact first. Of bfloat16 what is multiplied
and the sums too have 8 bits: a model speaks with 97 % of the codes it should, on some clips with
92, and float16 has as many bytes, int8 fewer, and both keep 99.8 % (`benchmarks.precisions`)."""

MIN_ELEMENTS = 4096
"""Smaller matrices stay float32: to read them takes less time than to call what packs others."""

STEPS = 63
"""Activations are whole numbers within ±63: of 7 bits, since the products of two of 8 bits and two
weights overflow the 16 bits in which processors without VNNI add them up."""

ROWS_AT_ONCE = 256
"""Of a matrix that is rounded."""

TINY = torch.finfo(torch.float32).tiny


class PrecisionUnknown(CodecError):
    """A precision that torch has no products for here."""

    def __init__(self, precision: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f'A model cannot run in "{precision}" on this machine, only in {", ".join(known)}.'
        )


class Product(Protocol):
    """(…, in) -> (…, out), float32: x @ weight.T + bias. Safe from any thread."""

    def __call__(self, x: Tensor) -> Tensor: ...


class Levels(NamedTuple):
    """A matrix (out, in) as whole numbers within ±127, and what one is worth in each row."""

    levels: Tensor
    scale: Tensor


def product(weight: Tensor, bias: Tensor | None, precision: Precision) -> Product:
    """The product with a float32 matrix (out, in), in a precision that `available` names."""
    if weight.numel() < MIN_ELEMENTS:
        return PlainProduct(weight.clone(), bias)
    if precision == "int8":
        return byte_product(rounded(weight), bias)
    if precision == "float16":
        return HalfProduct(weight, bias)
    if precision == "bfloat16":
        return BrainProduct(weight, bias)
    return FullProduct(weight, bias) if has_packed_float() else PlainProduct(weight, bias)


def byte_product(levels: Levels, bias: Tensor | None) -> Product:
    """The product with a matrix of int8, in the way this machine has."""
    kind = ByteProduct if has_byte_product() else PlainByteProduct
    return kind(levels, bias)


def available() -> tuple[Precision, ...]:
    """The precisions this machine's torch has products for, the most exact first."""
    return tuple(p for p in PRECISIONS if p != "float16" or has_half_product())


def rounded(weight: Tensor) -> Levels:
    """Each row's largest magnitude becomes 127."""
    levels = torch.empty(weight.shape, dtype=torch.int8)
    scale = torch.empty(len(weight))
    # Some rows at a time: what is freed of large tensors, the process may keep.
    for start in range(0, len(weight), ROWS_AT_ONCE):
        rows = weight[start : start + ROWS_AT_ONCE]
        largest = (rows.abs().amax(dim=1) / 127.0).clamp_min_(TINY)
        scale[start : start + ROWS_AT_ONCE] = largest
        levels[start : start + ROWS_AT_ONCE] = (rows / largest[:, None]).round_()
    return Levels(levels, scale)


class PlainProduct:
    """With a matrix as it is."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._weight, self._bias = weight, bias

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self._weight, self._bias)


class FullProduct:
    """Float32, in oneDNN's order for a few rows: two and a half times as fast as in torch's."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._bias = bias
        self._weight = _for_few_rows(weight)
        self._product = _bare(torch.ops.mkldnn._linear_pointwise.default)

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = self._product(x.contiguous(), self._weight, self._bias, "none", [], "")
        return y


class BrainProduct:
    """Bfloat16: 8 bits of weights, of what is multiplied with them and of what comes out.

    A row's largest weight is 127, as HalfProduct has it and for the same reason.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._scale, self._bias = _row_scale(weight), bias
        brain = (weight / self._scale[:, None]).bfloat16()
        self._packed = has_packed_float()
        self._weight = _for_few_rows(brain) if self._packed else brain

    def __call__(self, x: Tensor) -> Tensor:
        brain = x.bfloat16().contiguous()
        if self._packed:
            y = torch.ops.mkldnn._linear_pointwise(brain, self._weight, None, "none", [], "")
        else:
            y = F.linear(brain, self._weight)
        return _scaled(y.float(), self._scale, self._bias)


class HalfProduct:
    """Float16, in the order in which FBGEMM reads it.

    Each row of weights is kept as its quotient by the scale that makes its largest 127: weights
    that come from a file of int8 are whole numbers then, which float16 holds exactly, and the
    product is the plain one's up to float32's own rounding. Other weights are rounded to 11 bits,
    which puts an error of about -75 dB on the output.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._scale, self._bias = _row_scale(weight), bias
        self._weight = torch.ops.quantized.linear_prepack_fp16(weight / self._scale[:, None], None)
        self._product = _bare(torch.ops.quantized.linear_dynamic_fp16.default)

    def __call__(self, x: Tensor) -> Tensor:
        return _scaled(self._product(x, self._weight), self._scale, self._bias)


class ByteProduct:
    """Weights of int8 times activations of 13 bits, by FBGEMM.

    FBGEMM multiplies bytes with bytes. Activations of one byte would put an error of -42 dB on
    every product, too much for the signs that become codes; so each row is scaled to ±63 and given
    as two: its whole numbers, and what is left of them in 126ths. The second row costs next to
    nothing while it is the reading of weights that takes the time. What remains is about -80 dB,
    and rows do not touch one another: streams of a batch get what they would get alone.
    """

    def __init__(self, levels: Levels, bias: Tensor | None) -> None:
        self._bias = bias
        self._weight = _prepacked(Levels(levels.levels, levels.scale / STEPS))
        # Tensors, since a number would be made one, and of the right type, in every call.
        self._steps, self._finer = torch.tensor(float(STEPS)), torch.tensor(2.0 * STEPS)
        self._product = _bare(
            torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default
        )

    def __call__(self, x: Tensor) -> Tensor:
        shape = x.shape
        if len(shape) != 2:
            x = x.reshape(-1, shape[-1])
        whole, rest, both = halves(*x.shape)
        # A row of silence has a scale too, lest it be divided by nothing.
        largest = torch.abs(x, out=rest).amax(1, keepdim=True).clamp_min_(1e-30)
        torch.mul(x, self._steps / largest, out=whole)
        torch.round(whole, out=rest)
        torch.sub(whole, rest, out=rest).mul_(self._finer)
        y, finer = self._product(both, 1.0, STEPS + 1, self._weight).chunk(2)
        y = y.add_(finer, alpha=0.5 / STEPS)
        y = y.mul_(largest) if self._bias is None else torch.addcmul(self._bias, y, largest)
        return y if len(shape) == 2 else y.view(*shape[:-1], -1)


class PlainByteProduct:
    """Weights of int8 where torch has no FBGEMM, as on ARM."""

    def __init__(self, levels: Levels, bias: Tensor | None) -> None:
        self._levels, self._bias = levels, bias

    def __call__(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1]).contiguous()
        y = torch._weight_int8pack_mm(rows, self._levels.levels, self._levels.scale)
        y = y.view(*x.shape[:-1], -1)
        return y if self._bias is None else y.add_(self._bias)


@cache
def has_half_product() -> bool:
    """Whether torch has FBGEMM here: on x86 yes; on ARM no, and linear layers stay float32."""
    return torch.backends.quantized.engine in ("x86", "fbgemm")


@cache
def has_byte_product() -> bool:
    """Whether FBGEMM's product of bytes is here and right: the operator is an old one of torch's,
    meant for training, and may go."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(32, 48, generator=generator)
    x = torch.randn(2, 48, generator=generator)
    whole = rounded(weight)
    expected = x @ (whole.levels * whole.scale[:, None]).T
    return has_half_product() and _is_near(lambda: ByteProduct(whole, None)(x), expected)


@cache
def has_packed_float() -> bool:
    """Whether oneDNN packs matrices here and multiplies rightly."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(32, 48, generator=generator)
    x = torch.randn(2, 48, generator=generator)
    return torch.backends.mkldnn.is_available() and _is_near(
        lambda: FullProduct(weight, None)(x), x @ weight.T
    )


def _is_near(tried: Callable[[], Tensor], expected: Tensor) -> bool:
    try:
        return bool((tried() - expected).norm() < 1e-3 * expected.norm())
    except (RuntimeError, AttributeError, NotImplementedError):
        return False


def _row_scale(weight: Tensor) -> Tensor:
    """(out,) what makes each row's largest magnitude 127 when divided by it."""
    return (weight.abs().amax(dim=1) / 127.0).clamp_min(TINY)


def _scaled(y: Tensor, scale: Tensor, bias: Tensor | None) -> Tensor:
    return y.mul_(scale) if bias is None else torch.addcmul(bias, y, scale)


def _for_few_rows(weight: Tensor) -> Tensor:
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), 4)
    return packed


def _prepacked(levels: Levels) -> object:
    zeros = torch.zeros(len(levels.scale), dtype=torch.int64)
    with warnings.catch_warnings():
        # Of the tensors only the way in is deprecated; has_byte_product asks for what is left.
        warnings.simplefilter("ignore", UserWarning)
        tensor = torch._make_per_channel_quantized_tensor(
            levels.levels, levels.scale.double(), zeros, 0
        )
        return torch.ops.quantized.linear_prepack(tensor, None)


def _bare(overload: Any) -> Any:
    """The operator itself: to find it by its arguments, and to look these over in Python, takes
    as long again as a small product."""
    return getattr(overload, "_op", overload)
