"""Control messages: what two ends tell each other beside the voice (PROTOCOL.md, "Control").

`control_format.py` has them as bytes.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from app.core.errors import UndertoneError
from app.core.introductions import Apart, Present, Relay
from app.core.meter import EndLatency
from app.core.models import ModelOffer

MAX_TEXT_BYTES = 64
MAX_CHAT_BYTES = 1000


class ControlError(UndertoneError):
    """A control message could not be read."""


class ControlTruncated(ControlError):
    """A control message ends before its last field."""


class ControlVersionUnknown(ControlError):
    """A control message is of a version this Undertone does not know. Update both ends."""


class ControlTypeUnknown(ControlError):
    """A control message is of a type this Undertone does not know; it was passed over."""


class ControlTextWrong(ControlError):
    """A control message holds a text that is not UTF-8."""


class ChatTooLong(ControlError):
    """The message is too long. Send it in parts."""

    def __init__(self, size: int) -> None:
        super().__init__(
            f"The message is too long: {size} bytes, and {MAX_CHAT_BYTES} fit. Send it in parts."
        )


class IntroductionWrong(ControlError):
    """A message about others in the call makes no sense."""


class ByeReason(enum.IntEnum):
    """Why an end leaves the call."""

    OTHER = 0
    HUNG_UP = 1
    REJECTED = 2
    BUSY = 3
    MODEL_MISMATCH = 4
    QUIT = 5
    LOST = 6


@dataclass(frozen=True)
class Hello:
    """The first message of each end: who speaks, and with which model.

    `model_id`, `model_digest` (0: not known), `model_name` and `output_rate` are of the model the
    sender likes best. `offers` are all the models it has, that one first and at most MAX_OFFERS; an
    earlier Undertone does not tell them. `voice_changed` is true when the sender's voice is
    converted to another one. Texts longer than 64 bytes of UTF-8 are cut when encoded.
    """

    name: str
    app_version: str
    model_id: int
    model_name: str
    output_rate: int
    voice_changed: bool = False
    model_digest: int = 0
    offers: tuple[ModelOffer, ...] = ()

    @property
    def models(self) -> tuple[ModelOffer, ...]:
        """The models the sender has, best first: of an earlier Undertone, the one it speaks."""
        return self.offers or (ModelOffer(self.model_id, self.model_digest),)


@dataclass(frozen=True)
class Ping:
    """Asks for a `Pong`. `sent_ms` is the sender's own clock modulo 2**32, echoed to it."""

    id: int
    sent_ms: int


@dataclass(frozen=True)
class Pong:
    """Answers the `Ping` of the same id, and tells the sender's own shares of the latency.

    `held_ms` is how long the ping had to wait for this answer, cut to 6.5 s.
    """

    id: int
    sent_ms: int
    latency: EndLatency = field(default_factory=EndLatency)
    held_ms: float = 0.0


@dataclass(frozen=True)
class Mute:
    """Whether the sender's microphone is off."""

    muted: bool


@dataclass(frozen=True)
class Bye:
    """The sender leaves the call."""

    reason: ByeReason = ByeReason.HUNG_UP


@dataclass(frozen=True)
class Report:
    """How the receiver's voice packets come: see `arrivals.Arrival`, whose fields these are.

    On the way they are rounded: `loss` to 1/255, `burst` to 1/16, `queue` to a millisecond.
    """

    loss: float
    burst: float
    queue: float


@dataclass(frozen=True)
class Chat:
    """A written message. `id` is the sender's own, used once in a call; sent again it is the same.

    `text` has at most MAX_CHAT_BYTES of UTF-8 and may have line breaks; it is cleaned when read.
    """

    id: int
    text: str


@dataclass(frozen=True)
class ChatReceived:
    """The `Chat` of this id came, now or before."""

    id: int


@dataclass(frozen=True)
class ModelWish:
    """The sender would have the call go on with this model, and loads it."""

    offer: ModelOffer


@dataclass(frozen=True)
class ModelReady:
    """The sender can hear speech of this model from now on; or, if not `able`, never will."""

    offer: ModelOffer
    able: bool = True


Introduction = Present | Relay | Apart

CallMessage = Hello | Mute | Report | Chat | ChatReceived | Introduction | ModelWish | ModelReady
"""What concerns the call; the others are the connection's own."""

ControlMessage = CallMessage | Ping | Pong | Bye
