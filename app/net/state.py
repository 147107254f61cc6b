"""Where a connection stands, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.control import ByeReason
from app.net.errors import NetError

GOODBYES = {
    ByeReason.HUNG_UP: "The other side hung up.",
    ByeReason.REJECTED: "The other side declined the call.",
    ByeReason.BUSY: "The other side is in another call.",
    ByeReason.MODEL_MISMATCH: "The two sides hold no codec model in common.",
    ByeReason.QUIT: "The other side closed Undertone.",
    ByeReason.LOST: "The other side could not hear this one any more.",
    ByeReason.OTHER: "The other side ended the call.",
}


@dataclass(frozen=True)
class New:
    """Nothing happened yet, or the links are on their way."""


@dataclass(frozen=True)
class Connecting:
    """Both descriptions are known; the way is being looked for, or the keys exchanged."""


@dataclass(frozen=True)
class Connected:
    """Both channels are open. `route` says how packets go: "direct, IPv4"."""

    route: str


@dataclass(frozen=True)
class Reconnecting:
    """The peer was silent for `seconds` and counting; every way to it is being tried.

    `Connected` follows when it is heard again, maybe by another route.
    """

    seconds: float


@dataclass(frozen=True)
class Disconnected:
    """The connection is over. `reason` is a sentence.

    `bye` is what the end that left said, None when it was lost without a word. `here` says whether
    it was this end that left.
    """

    reason: str
    bye: ByeReason | None = None
    here: bool = False


@dataclass(frozen=True)
class Failed:
    """The connection never came about, for the reason `error` puts in words."""

    error: NetError

    @property
    def reason(self) -> str:
        """Why, in a sentence."""
        return str(self.error)


PeerState = New | Connecting | Connected | Reconnecting | Disconnected | Failed


@dataclass(frozen=True)
class WireTotals:
    """Bytes and datagrams on the wire so far, UDP and IP headers included.

    `exact` is false when they are computed by a formula instead of counted.
    """

    sent_bytes: int = 0
    received_bytes: int = 0
    sent_datagrams: int = 0
    received_datagrams: int = 0
    exact: bool = True


@dataclass(frozen=True)
class PeerStats:
    """What a connection counted since its start.

    `*_dropped` were not sent since the channel was not open or its buffer full. `unreadable` are
    messages received that were not even bytes, or not control messages. `callback_errors` are
    exceptions its listeners raised. `round_trip` is in seconds, None until measured.
    """

    voice_sent: int = 0
    voice_dropped: int = 0
    voice_received: int = 0
    control_sent: int = 0
    control_dropped: int = 0
    control_received: int = 0
    unreadable: int = 0
    callback_errors: int = 0
    round_trip: float | None = None
    wire: WireTotals = WireTotals()
