"""Who does not answer at the moment, and for how long."""

from __future__ import annotations

from collections.abc import Callable

from app.core.state import PeerView


class AwayTimes:
    """Remembers since when each peer is silent. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[int, float] = {}

    def see(self, peer: PeerView) -> bool:
        """Take what is known of a peer; whether it went away or came back with it."""
        was_away = peer.id in self._since
        if peer.reachable:
            self._since.pop(peer.id, None)
        elif not was_away:
            self._since[peer.id] = self._clock() - peer.silent_for
        return was_away == peer.reachable

    def seconds(self, peer: PeerView) -> float | None:
        """How long nothing has come from a peer; None while it answers."""
        since = self._since.get(peer.id)
        return None if since is None else self._clock() - since

    def clear(self) -> None:
        """Forget everybody."""
        self._since.clear()


def peer_in_words(peer: PeerView, away: float | None) -> str:
    """How it stands with a peer that has been silent for so many seconds, if it has."""
    if away is None:
        said = [f"Connected, {peer.route}" if peer.route else "Connected"]
    else:
        said = [f"Reconnecting … {away:.0f} s"]
    if peer.muted:
        said.append("their microphone is off")
    if peer.voice_changed:
        said.append("their voice is converted to another one")
    return " · ".join(said)
