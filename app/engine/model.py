"""The codec model a call uses, loaded as a call needs it."""

from __future__ import annotations

import torch

from app.core.errors import UndertoneError
from codec.errors import CodecError
from codec.model.codec import Codec
from codec.weights import load


class ModelUnusable(UndertoneError):
    """The codec model could not be loaded."""


def load_model(name: str) -> Codec:
    """The model called `name`, or in the folder `name`. Raises ModelUnusable."""
    # A chunk is too little work to share: torch's threads would cost more than they bring, and
    # take the core the sound callbacks need.
    torch.set_num_threads(1)
    try:
        return load(name)
    except CodecError as error:
        raise ModelUnusable(str(error)) from error
