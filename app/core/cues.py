"""Which short sound goes with what happens in a call, for whoever does not look at the window."""

from __future__ import annotations

import enum

from app.core.meter import Clock
from app.core.state import (
    ChatChanged,
    Event,
    MuteChanged,
    PeerChanged,
    PeerJoined,
    PeerLeft,
    StateChanged,
    Talking,
)

_SAME_SECONDS = 1.0
"""The same sound is not heard again so soon, however fast messages come."""


class Cue(enum.Enum):
    """What happened; the value names the file in assets/sounds."""

    JOINED = "joined"
    LEFT = "left"
    MUTED = "muted"
    UNMUTED = "unmuted"
    RECONNECTING = "reconnecting"
    BACK = "back"
    MESSAGE = "message"


class CueWatch:
    """Turns events, in the order they happen, into cues. Not for several threads at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._away: set[int] = set()
        self._last_line = 0
        self._heard: dict[Cue, float] = {}

    def see(self, event: Event) -> Cue | None:
        """The cue for an event, if there is one and it was not heard just now."""
        cue = self._cue(event)
        if cue is None:
            return None
        now = self._clock()
        heard, self._heard[cue] = self._heard.get(cue), now
        return None if heard is not None and now - heard < _SAME_SECONDS else cue

    def _cue(self, event: Event) -> Cue | None:
        match event:
            case StateChanged(state) if not isinstance(state, Talking):
                self._away.clear()
                return None
            case PeerJoined():
                return Cue.JOINED
            case PeerLeft(peer):
                self._away.discard(peer.id)
                return Cue.LEFT
            case PeerChanged(peer) if peer.reachable == (peer.id in self._away):
                if peer.reachable:
                    self._away.remove(peer.id)
                    return Cue.BACK
                self._away.add(peer.id)
                return Cue.RECONNECTING
            case MuteChanged(muted):
                return Cue.MUTED if muted else Cue.UNMUTED
            case ChatChanged(lines):
                before, self._last_line = self._last_line, lines[-1].number if lines else 0
                is_new = self._last_line > before and not lines[-1].own
                return Cue.MESSAGE if is_new else None
            case _:
                return None
