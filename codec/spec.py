"""What a codec promises to those who use it: rates, chunk and code sizes."""

from __future__ import annotations

from dataclasses import dataclass

CODES_PER_SECOND = 50
"""Every model of the family gives one code each 20 ms."""

CHUNK_CODES = 4
"""Codes in one chunk, the unit of streaming: 80 ms."""

INPUT_RATE = 16_000
"""Sample rate of the speech every encoder takes, in Hz."""

CHUNK_SAMPLES = INPUT_RATE * CHUNK_CODES // CODES_PER_SECOND
"""Samples of input in one chunk: 1280."""

CHUNK_SECONDS = CHUNK_CODES / CODES_PER_SECOND
"""Length of one chunk: 0.08 s."""


@dataclass(frozen=True)
class CodecSpec:
    """The fixed facts of one model.

    `model_id` is the byte that names the kind of model in packets and .fcs files. Models of one
    kind can have been trained apart; `digest` (`codec.digest`) tells them apart, 0 where it is not
    known. Two ends can talk only when both hold the same model. `output_rate` is in Hz.
    `delay_samples`, at that rate, is how far the decoded wave lags the speech it repeats (beside
    the wait for a chunk).
    """

    name: str
    model_id: int
    bits_per_code: int
    output_rate: int
    delay_samples: int = 0
    digest: int = 0

    @property
    def bitrate(self) -> int:
        """Bits per second of speech, codes only."""
        return CODES_PER_SECOND * self.bits_per_code

    @property
    def chunk_bits(self) -> int:
        """Bits in the codes of one chunk."""
        return CHUNK_CODES * self.bits_per_code

    @property
    def chunk_output_samples(self) -> int:
        """Samples the decoder gives for one chunk."""
        return self.output_rate * CHUNK_CODES // CODES_PER_SECOND


LITE_MODEL_ID = 1
"""The `model_id` of every model of the undertone-lite family, such as the one in assets/."""

NESTED_MODEL_IDS = {12: 5, 11: 6}
"""Bits a code at which a model of the undertone-lite family sends less than it could -> the
`model_id` that its codes then go under; the model's own is the same as ever."""

FOCALCODEC_MODEL_IDS = {2**11: 2, 2**12: 3, 2**16: 4}
"""Codebook size of a published FocalCodec-Stream checkpoint -> its `model_id`."""

MODEL_NAMES = {
    LITE_MODEL_ID: "undertone-lite",
    2: "focalcodec-2k",
    3: "focalcodec-4k",
    4: "focalcodec-65k",
    5: "undertone-lite at 0.60 kbit/s",
    6: "undertone-lite at 0.55 kbit/s",
}
"""What each kind of model is called, by its `model_id`."""
