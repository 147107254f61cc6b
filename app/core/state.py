"""What a call is at each moment and what happens to it, as frozen values.

Front ends read these and nothing deeper; the engine makes them. None holds a secret but the
invite links, which the person must see to hand them on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.core.chat import ChatLine
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
    """Connected with at least one other, since `since` seconds of the engine's clock.

    `loading` names the model the first two have agreed on while it is being loaded: until then
    nothing is said or heard. "" when there is nothing to wait for. `inviting` is the open invite
    for one more.
    """

    since: float
    loading: str = ""
    inviting: Inviting | None = None


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
    """Another end, as it says it is. `route` says how packets go, "direct, IPv4" for one.

    `reachable` is False while nothing comes from it, for `silent_for` seconds when this was told.
    `id` names it in this engine alone. `volume` is the gain given to its sound here, `silenced`
    whether it is not played at all; `muted` is its own doing.
    """

    id: int
    name: str
    model_name: str
    muted: bool
    voice_changed: bool
    reachable: bool
    route: str
    volume: float = 1.0
    silenced: bool = False
    silent_for: float = 0.0


@dataclass(frozen=True)
class PeerReading:
    """A look at every meter of one peer of a call. `level` is how loud it is, in dBFS.

    `bandwidth` counts since it was connected. `outgoing` is the way from this microphone to the
    peer's ear, `incoming` the other way; None while not known. `packets_dropped` were not sent
    since too many waited. `wire_measured` is False when wire bytes are computed, not counted.
    `profile` is the name of the one by which packets are filled now, `their_profile` of the one the
    peer's packets look like; "" before the first.
    """

    id: int
    bandwidth: MeterReading
    outgoing: LatencyParts | None
    incoming: LatencyParts | None
    round_trip_ms: float | None
    level: float
    chunks_played: int
    chunks_concealed: int
    chunks_late: int
    packets_dropped: int
    wire_measured: bool
    profile: str = ""
    their_profile: str = ""

    @property
    def mouth_to_ear(self) -> float:
        """The slower of its two ways, in ms, as far as it is known."""
        return max(way.mouth_to_ear if way else 0.0 for way in (self.outgoing, self.incoming))


@dataclass(frozen=True)
class CallReading:
    """A look at every meter of a call. Levels are dBFS; loads are shares of one core's time.

    `peers` has those who are in the call now. The other figures are of all who have been:
    `bandwidth` counts since the first was connected. `outgoing`, `incoming`, `round_trip_ms` and
    `profile` are of the peer to whom it takes longest.
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
    peers: tuple[PeerReading, ...] = ()


@dataclass(frozen=True)
class StateChanged:
    """The call went into `state`."""

    state: CallState


@dataclass(frozen=True)
class PeerJoined:
    """Another end is in the call. What it is called follows with its greeting."""

    peer: PeerView


@dataclass(frozen=True)
class PeerChanged:
    """What is known of an end that is in the call changed."""

    peer: PeerView


@dataclass(frozen=True)
class PeerLeft:
    """An end left a call that goes on; `reason` is a sentence. A call that ends tells of none."""

    peer: PeerView
    reason: str


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
class ChatChanged:
    """What was written in this call, oldest first; a new call begins with nothing."""

    lines: tuple[ChatLine, ...]


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


Event = (
    StateChanged
    | PeerJoined
    | PeerChanged
    | PeerLeft
    | MuteChanged
    | ChatChanged
    | Notice
    | InputEnded
    | ModelsChanged
    | ModelWork
)
