"""A model's rates, for a stream that may change from one to another between any two chunks."""

from __future__ import annotations

from codec.errors import BadCodes
from codec.model.codec import Codec
from codec.model.lite import LiteCodec
from codec.runtime.packed import packed
from codec.stream import StreamDecoder
from codec.weights import at_rate


def rates_of(codec: Codec) -> tuple[Codec, ...]:
    """The model at each of its rates, its own first; views that share its weights."""
    bits = codec.rates if isinstance(codec, LiteCodec) else ()
    lower = sorted((each for each in bits if each != codec.spec.bits_per_code), reverse=True)
    return (codec, *(at_rate(codec, each) for each in lower))


class RatesDecoder(StreamDecoder):
    """A `StreamDecoder` for a sender who may change the rate. The state is that of every rate."""

    def __init__(self, codec: Codec) -> None:
        super().__init__(codec)
        self._at = {view.spec.model_id: packed(view) for view in rates_of(codec)}

    def use(self, model_id: int) -> None:
        """Take the codes of the next steps to be of this rate, as its `model_id` names it.

        Raises BadCodes for one the model does not have.
        """
        if model_id not in self._at:
            raise BadCodes(f'The model "{self.spec.name}" has no rate of the id {model_id}.')
        self._codec = self._at[model_id]
