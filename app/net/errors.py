"""What can go wrong between two machines, in words."""

from __future__ import annotations

from app.core.errors import UndertoneError


class NetError(UndertoneError):
    """The connection failed."""


class NetworkStopped(NetError):
    """Undertone is closing, so it starts nothing new on the network."""


class NoNetwork(NetError):
    """This computer has no network address. Connect it to a network and try again."""


class RelayUnavailable(NetError):
    """The relay gave no address. Check its address, name and password in the settings."""


class ServerMisspelt(NetError):
    """A STUN or TURN server in the settings is misspelt."""


class NoRoute(NetError):
    """No way to the other computer was found."""


class IdentityMismatch(NetError):
    """The encrypted handshake failed: the other end could not show the key its link named.

    Somebody may stand between you, or the link was damaged or for another call. Make a new call
    and hand the links over another way.
    """


class DescriptionRefused(NetError):
    """The other side's connection details could not be used. Make a new call."""


class OutOfTurn(NetError):
    """This connection has had its offer or answer already. Make a new call."""


class NoAnswerCame(NetError):
    """No answer came in time."""
