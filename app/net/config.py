"""What a person may choose about the network, and how patient it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from app.core.settings import Settings
from app.net.errors import ServerMisspelt

_SERVER = re.compile(
    r"(?P<scheme>stuns?|turns?):(?P<host>\[[0-9a-fA-F:]+\]|[^\s:/?\[\]]+)(:(?P<port>\d{1,5}))?"
    r"(\?transport=(udp|tcp))?"
)


@dataclass(frozen=True)
class TurnServer:
    """A relay: a URL such as "turn:host:3478?transport=udp", and the account on it."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class NetworkConfig:
    """How a connection finds its way. By default nobody but the peer is contacted.

    `stun` are URLs such as "stun:host:3478", `turn` relays; aiortc uses the first of each.
    `relay_only` hides this machine's addresses behind the relay. `loopback` also offers 127.0.0.1,
    for two ends on one machine; it is offered anyway when there is no other address. `tuned` makes
    packets fewer and smaller than aiortc does (app/net/tuning.py).
    """

    stun: tuple[str, ...] = ()
    turn: tuple[TurnServer, ...] = ()
    relay_only: bool = False
    loopback: bool = False
    tuned: bool = True

    def check(self) -> None:
        """Raise ServerMisspelt unless every server is written as one is."""
        for kind, urls in (("stun", self.stun), ("turn", tuple(t.url for t in self.turn))):
            for url in urls:
                found = _SERVER.fullmatch(url)
                good = found and found["scheme"].startswith(kind)
                if not good or not 0 < int(found["port"] or 1) < 65536:  # type: ignore[index]
                    raise ServerMisspelt(
                        f"“{url}” is no {kind.upper()} server. Write it as {kind}:host:port, for "
                        f"instance {kind}:{kind}.example.org:3478."
                    )

    @classmethod
    def of(cls, settings: Settings, *, loopback: bool = False) -> NetworkConfig:
        """The network part of a person's settings."""
        relay = TurnServer(settings.turn, settings.turn_user, settings.turn_password)
        return cls(
            stun=(settings.stun,) if settings.stun else (),
            turn=(relay,) if settings.turn else (),
            relay_only=settings.relay_only,
            loopback=loopback,
        )


@dataclass(frozen=True)
class Patience:
    """How long a connection waits, in seconds.

    `connect`: from both descriptions known to both channels open; `handshake`: how much longer
    where a way was found, since DTLS repeats what is lost after 1, 2, 4 s and so on (RFC 6347
    section 4.2.4.1), and a bad line may take five tries. `answer_taken`: from the answer made to
    the first sign that the other end took it; people carry links by hand. `ping`: between
    pings when nothing is heard that should be; `ping_busy`: between pings otherwise, only to
    measure; `ping_silent`: between those when both ends said that they are silent. `pong`: for the
    answer to wait for voice that it can travel with.
    `missing`: silence until the peer is missed and another way to it looked for; `lost`: until it
    is given up. `consent`: between checks of the way in use while it answers; `consent_expiry`:
    without an answer until it carries nothing but checks (RFC 7675 section 5.1: 30 s).
    `addresses`: between looks at this computer's addresses. `bye`: for a last word to leave.
    `close`: for the connection to be taken down. `keep_alive`: between packets that keep a hole
    through address translators open while links travel (RFC 8445 section 11 asks at least 15 s).
    """

    connect: float = 20.0
    handshake: float = 40.0
    answer_taken: float = 1800.0
    ping: float = 1.0
    ping_busy: float = 10.0
    ping_silent: float = 20.0
    pong: float = 0.4
    missing: float = 2.0
    lost: float = 120.0
    consent: float = 20.0
    consent_expiry: float = 30.0
    addresses: float = 1.0
    bye: float = 0.25
    close: float = 3.0
    keep_alive: float = 12.0
