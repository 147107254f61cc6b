"""A codec's quick form, made of layers that all streams of the model share."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from codec.model.codec import Codec
from codec.model.focalcodec import FocalCodec
from codec.model.lite import LiteCodec
from codec.runtime.choice import chosen
from codec.runtime.layers import packed_layer
from codec.runtime.parts import PlainParts
from codec.runtime.products import Precision, PrecisionUnknown, available
from codec.runtime.quick import QuickFocalCodec
from codec.runtime.sizes import sizes_of

MadeOf = tuple[tuple[int, int], ...]
MadeT = TypeVar("MadeT")


class _Known(NamedTuple, Generic[MadeT]):
    """What was made of a module in a precision, and the weights it was made of."""

    made: MadeT
    made_of: MadeOf
    precision: Precision


_layers: WeakKeyDictionary[nn.Module, _Known[nn.Module | None]] = WeakKeyDictionary()
_codecs: WeakKeyDictionary[nn.Module, _Known[QuickFocalCodec]] = WeakKeyDictionary()
_lock = threading.Lock()


def packed(codec: Codec, precision: Precision | None = None) -> Codec:
    """The codec to stream with: the same interface and spec, in a fraction of the time.

    `precision` is what to keep the weights in; None leaves it to what suits the model and this
    machine. Raises PrecisionUnknown where torch cannot do it here.

    Of the bundled model it is a copy with other layers, of the same class and the same states; of
    FocalCodec a QuickFocalCodec, whose states are its own. Layers are packed when first asked for,
    and again after their weights have changed or for another precision. It is a view for the
    moment: what is done to `codec` afterwards, training above all, may or may not be seen. Where
    nothing can be packed it is `codec` itself: the packed layers are for float32 on the CPU.
    Safe from any thread.
    """
    check_precision(precision)
    if not _fits(codec):
        return codec
    with _lock:
        if isinstance(codec, FocalCodec):
            return _quick_once(codec, precision)
        if any(isinstance(part, LiteCodec) for part in codec.modules()):
            return _with_packed_layers(codec, precision or _best_for_few_weights())
    return codec


def check_precision(precision: Precision | None) -> None:
    """Raise PrecisionUnknown unless torch has this precision here; None is any."""
    if precision is not None and precision not in available():
        raise PrecisionUnknown(precision, available())


def _best_for_few_weights() -> Precision:
    """Of the bundled model, whose weights were int8: in float16 they lose nothing."""
    return "float16" if "float16" in available() else "float32"


def _fits(codec: Codec) -> bool:
    return all(p.device.type == "cpu" and p.dtype == torch.float32 for p in codec.parameters())


def _quick_once(codec: FocalCodec, precision: Precision | None) -> QuickFocalCodec:
    tensors = codec.state_dict()
    weights = sum(tensor.numel() for tensor in tensors.values())
    choice = chosen(weights, precision)
    wanted = choice.precision
    made_of = _made_of(tensors.values())
    known = _codecs.get(codec)
    if known is None or (known.made_of, known.precision) != (made_of, wanted):
        parts = PlainParts.of(tensors, wanted)
        made = QuickFocalCodec(sizes_of(codec), codec.spec, parts, wanted, weights, choice.threads)
        known = _codecs[codec] = _Known(made, made_of, wanted)
    return known.made


def _with_packed_layers(codec: Codec, precision: Precision) -> Codec:
    layers = {}
    for layer in codec.modules():
        instead = _packed_once(layer, precision)
        if instead is not None:
            layers[id(layer)] = instead
    if not layers:
        return codec
    made = _rebuilt(codec, layers)
    made.precision = precision
    made.weights = codec.weights or sum(p.numel() for p in codec.parameters())
    return made


def _packed_once(layer: nn.Module, precision: Precision) -> nn.Module | None:
    made_of = _made_of(layer.parameters(recurse=False))
    known = _layers.get(layer)
    if known is None or (known.made_of, known.precision) != (made_of, precision):
        known = _layers[layer] = _Known(packed_layer(layer, precision), made_of, precision)
    return known.made


def _made_of(tensors: Iterable[Tensor]) -> MadeOf:
    return tuple((t.data_ptr(), _version(t)) for t in tensors)


def _version(tensor: Tensor) -> int:
    """Counts what changes a tensor in place; one made in inference mode has no such count."""
    return 0 if tensor.is_inference() else tensor._version


def _rebuilt(codec: Codec, layers: dict[int, nn.Module]) -> Codec:
    """A copy of the tree of modules: other `layers`, by the id of those replaced; same tensors."""
    same = {id(tensor): tensor for tensor in _tensors(codec)}
    return copy.deepcopy(codec, {**same, **layers})


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    return chain(module.parameters(), module.buffers())
