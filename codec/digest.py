"""A number that tells one model from another of the same kind.

It is taken over what makes the codes mean what they mean: the config and the weights as they are
computed with, in float32. So it does not depend on where the files are, when they were written, or
whether the same numbers are stored in another format; a model stored smaller (int8) has other
numbers and is another model.

SHA-256 (FIPS 180-4) goes over the config as canonical JSON and then, for each tensor by name, its
shape and up to 512 of its elements, evenly spread from the first to the last. That reads less than
a megabyte of a model of a gigabyte, and models trained apart differ in nearly every element. It
tells models apart; it does not prove that nobody meddled with one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

ELEMENTS = 512
"""How many elements of a tensor are looked at, at most."""

UNKNOWN = 0
"""The digest of a model that has none, as one that was never saved."""


def model_digest(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> int:
    """The digest of a model, 1 to 2^32 - 1."""
    sha = hashlib.sha256(json.dumps(config, sort_keys=True, separators=(",", ":")).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        sha.update(f"\n{name} {list(tensor.shape)}\n".encode())
        sha.update(_sample(tensor).numpy().astype("<f4").tobytes())
    return int.from_bytes(sha.digest()[:4], "big") or 1


def _sample(tensor: Tensor) -> Tensor:
    flat = tensor.detach().reshape(-1)
    if flat.numel() <= ELEMENTS:
        return flat.float().cpu()
    places = torch.arange(ELEMENTS, device=flat.device) * (flat.numel() - 1) // (ELEMENTS - 1)
    return flat[places].float().cpu()
