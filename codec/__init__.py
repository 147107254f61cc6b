"""Speech <-> codes at under one kilobit per second, in chunks of 80 ms.

    codec = load()                              # the bundled model, or a folder's
    encoder, decoder = StreamEncoder(codec), StreamDecoder(codec)
    codes = encoder.step(pcm)                   # (1280,) float32 at 16 kHz -> (4,) integers
    pcm = decoder.step(codes)                   # or step(None) for a chunk that was lost

Names are fetched when first used, so that `codec.spec`, `codec.bits` and `codec.container` can be
used without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codec.errors import CodecError
    from codec.model.codec import Codec
    from codec.spec import CodecSpec
    from codec.stream import StreamDecoder, StreamEncoder
    from codec.weights import load

__all__ = ["Codec", "CodecError", "CodecSpec", "StreamDecoder", "StreamEncoder", "load"]

_HOME = {
    "Codec": "codec.model.codec",
    "CodecError": "codec.errors",
    "CodecSpec": "codec.spec",
    "StreamDecoder": "codec.stream",
    "StreamEncoder": "codec.stream",
    "load": "codec.weights",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
