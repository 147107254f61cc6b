"""A codec's packed form, made of layers that all streams of the model share."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from codec.model.codec import Codec
from codec.model.lite import LiteCodec
from codec.runtime.layers import packed_layer

PACKED_MODELS: tuple[type[Codec], ...] = (LiteCodec,)
"""Those whose tokens and wave were compared with the plain path's."""


class _Layer(NamedTuple):
    """A packed layer, None where the plain one stays, and the weights it was made of."""

    packed: nn.Module | None
    made_of: tuple[tuple[int, int], ...]


_layers: WeakKeyDictionary[nn.Module, _Layer] = WeakKeyDictionary()
_lock = threading.Lock()


def packed(codec: Codec) -> Codec:
    """The codec to stream with: of the same class, with the same states, in about half the time.

    All its tensors are those of `codec`; layers are packed when first asked for, and again after
    their weights have changed. It is a view for the moment: what is done to `codec` afterwards,
    training above all, may or may not be seen. Where nothing can be packed it is `codec` itself.
    Safe from any thread.
    """
    if not any(isinstance(part, PACKED_MODELS) for part in codec.modules()) or not _fits(codec):
        return codec
    layers = {}
    with _lock:
        for layer in codec.modules():
            instead = _packed_once(layer)
            if instead is not None:
                layers[id(layer)] = instead
    return _rebuilt(codec, layers) if layers else codec


def _fits(codec: Codec) -> bool:
    """The packed layers are for float32 on the CPU."""
    return all(p.device.type == "cpu" and p.dtype == torch.float32 for p in codec.parameters())


def _packed_once(layer: nn.Module) -> nn.Module | None:
    made_of = tuple((t.data_ptr(), _version(t)) for t in layer.parameters(recurse=False))
    known = _layers.get(layer)
    if known is None or known.made_of != made_of:
        known = _layers[layer] = _Layer(packed_layer(layer), made_of)
    return known.packed


def _version(tensor: Tensor) -> int:
    """Counts what changes a tensor in place; one made in inference mode has no such count."""
    return 0 if tensor.is_inference() else tensor._version


def _rebuilt(codec: Codec, layers: dict[int, nn.Module]) -> Codec:
    """A copy of the tree of modules: other `layers`, by the id of those replaced; same tensors."""
    same = {id(tensor): tensor for tensor in _tensors(codec)}
    return copy.deepcopy(codec, {**same, **layers})


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    return chain(module.parameters(), module.buffers())
