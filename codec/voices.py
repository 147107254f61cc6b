"""Voice conversion by nearest neighbours in the space of the decompressed features.

Source: kNN-VC (arXiv 2305.18975), as FocalCodec (arXiv 2502.04465) applies it: each frame of the
source speaker becomes the mean of the target speaker's frames most like it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from codec.errors import BadFeatures

NEIGHBOURS = 4


def convert(qfeats: Tensor, matching_set: Tensor, k: int = NEIGHBOURS) -> Tensor:
    """(batch, T, dim) features -> the same words in the voice of `matching_set` (N, dim).

    Each frame becomes the mean of its k nearest rows, by cosine. `Codec.dequantize` gives both.
    Raises BadFeatures where the set has fewer than k rows or another dimension.
    """
    if matching_set.ndim != 2 or matching_set.shape[1] != qfeats.shape[-1]:
        raise BadFeatures(
            f"The voice has features of shape {tuple(matching_set.shape)}, "
            f"the model needs (frames, {qfeats.shape[-1]})."
        )
    if not 1 <= k <= len(matching_set):
        raise BadFeatures(f"The voice has {len(matching_set)} frames; at least {k} are needed.")
    likeness = F.normalize(qfeats, dim=-1) @ F.normalize(matching_set, dim=-1).T
    nearest = likeness.topk(k, dim=-1).indices
    return torch.mean(matching_set[nearest], dim=-2)
