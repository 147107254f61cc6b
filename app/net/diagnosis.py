"""Why no way was found, as far as this end can tell."""

from __future__ import annotations

from app.core.description import CandidateKind, Description
from app.net.config import NetworkConfig
from app.net.errors import NoRoute


def why_no_route(
    config: NetworkConfig, own: Description, theirs: Description, way_found: bool
) -> NoRoute:
    """The error to show when the connection did not open in time.

    `way_found` says that ICE found a way and the encrypted handshake was what did not end.
    """
    if way_found:
        return NoRoute(
            "A way to the other computer was found, but the encrypted handshake did not finish. "
            "Make a new call."
        )
    if not theirs.candidates:
        return NoRoute(
            "The other computer named no address it can be reached at. It may have no network."
        )
    if not _families(own) & _families(theirs):
        return NoRoute(
            f"This computer has only {_named(own)} and the other only {_named(theirs)}, so they "
            "cannot reach each other. A relay that has both can help: set one in the settings."
        )
    if _is_local(own) or _is_local(theirs):
        return NoRoute(
            "The two computers are not on the same local network, and at least one of them knows "
            "no public address of its own. Set a STUN server in the settings of both, and call "
            "again."
        )
    if config.turn or config.relay_only:
        return NoRoute(
            "The other computer could not be reached, not even through the relay. It may be "
            "offline, or a network between you blocks UDP."
        )
    return NoRoute(
        "The other computer could not be reached. It may be offline, or a network between you "
        "blocks UDP. A relay (TURN) can help: set one in the settings."
    )


def unanswered_servers(config: NetworkConfig, own: Description) -> str | None:
    """A warning when a server that is set gave no address; None when all is well."""
    kinds = {candidate.kind for candidate in own.candidates}
    if config.stun and CandidateKind.REFLEXIVE not in kinds and not config.relay_only:
        # Without a router in between, the address a STUN server sees is no news and is left out.
        if not _is_local(own):
            return None
        return (
            f"The STUN server {config.stun[0]} did not answer, so people outside this network may "
            "not reach you. Check its address."
        )
    if config.turn and CandidateKind.RELAYED not in kinds:
        return (
            f"The relay {config.turn[0].url} did not answer or refused the account. Without it, "
            "some networks cannot be crossed."
        )
    return None


def _families(description: Description) -> set[bool]:
    return {candidate.is_ipv6 for candidate in description.candidates}


def _named(description: Description) -> str:
    return "IPv6" if _families(description) == {True} else "IPv4"


def _is_local(description: Description) -> bool:
    """Whether only its own local network can reach it."""
    return all(
        candidate.kind is CandidateKind.HOST and candidate.is_private
        for candidate in description.candidates
    )
