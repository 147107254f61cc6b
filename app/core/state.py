"""What a call is at each moment and what happens to it, as frozen values.

Front ends read these and nothing deeper; the engine makes them. None holds a secret but the
invite links, which the person must see to hand them on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.core.meter import LatencyParts, MeterReading
from app.core.models import ModelProgress, ModelView


@dataclass(frozen=True)
class Idle:
    """No call."""


@dataclass(frozen=True)
class PreparingInvite:
    """Looking for the addresses this machine can be reached at."""


@dataclass(frozen=True)
class Inviting:
    """The invite `link` waits to be handed over; `expires_at` is Unix time in seconds."""

    link: str
    expires_at: float


@dataclass(frozen=True)
class PreparingAnswer:
    """Reading an invite and looking for this machine's addresses."""


@dataclass(frozen=True)
class Answering:
    """The answer `link` waits to be handed back to the one who invited."""

    link: str
    expires_at: float


@dataclass(frozen=True)
class Connecting:
    """Both links are known; the two machines look for a way to each other."""


@dataclass(frozen=True)
class Talking:
    """Connected, since `since` seconds of the engine's clock.

    `loading` names the model both ends have agreed on while it is being loaded: until then nothing
    is said or heard. "" when there is nothing to wait for.
    """

    since: float
    loading: str = ""


@dataclass(frozen=True)
class Ended:
    """The call is over. `reason` is a sentence; `failed` says whether it went wrong."""

    reason: str
    failed: bool


CallState = (
    Idle | PreparingInvite | Inviting | PreparingAnswer | Answering | Connecting | Talking | Ended
)


@dataclass(frozen=True)
class PeerView:
    """The other end, as it says it is. `route` says how packets go, "direct, IPv4" for one."""

    name: str
    model_name: str
    muted: bool
    voice_changed: bool
    reachable: bool
    route: str


@dataclass(frozen=True)
class CallReading:
    """A look at every meter of a call. Levels are dBFS; loads are shares of one core's time.

    `bandwidth` counts since the two were connected. `outgoing` is the way from this microphone to
    the peer's ear, `incoming` the other way; None while not known. `packets_dropped` were not sent
    since too many waited. `wire_measured` is False when wire bytes are computed, not counted.
    `profile` is the name of the one by which packets are filled now, "" before the first.
    """

    bandwidth: MeterReading
    outgoing: LatencyParts | None
    incoming: LatencyParts | None
    round_trip_ms: float | None
    encoder_load: float
    decoder_load: float
    input_level: float
    output_level: float
    chunks_played: int
    chunks_concealed: int
    chunks_late: int
    underruns: int
    input_dropped: int
    packets_dropped: int
    wire_measured: bool
    profile: str = ""


@dataclass(frozen=True)
class StateChanged:
    """The call went into `state`."""

    state: CallState


@dataclass(frozen=True)
class PeerChanged:
    """What is known of the other end changed; None when there is none."""

    peer: PeerView | None


@dataclass(frozen=True)
class MuteChanged:
    """The own microphone was muted or opened."""

    muted: bool


@dataclass(frozen=True)
class Notice:
    """Something a person should know, in a sentence."""

    severity: Literal["info", "warning", "error"]
    text: str


@dataclass(frozen=True)
class InputEnded:
    """The file that serves as microphone is over."""


@dataclass(frozen=True)
class ModelsChanged:
    """The models there are, on disk or not, are these now."""

    models: tuple[ModelView, ...]


@dataclass(frozen=True)
class ModelWork:
    """How far the work on a model is; None when there is none any more."""

    progress: ModelProgress | None


Event = StateChanged | PeerChanged | MuteChanged | Notice | InputEnded | ModelsChanged | ModelWork
