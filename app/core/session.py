"""The states a call may go through, and the sentence for each step that makes no sense now.

    Idle → PreparingInvite → Inviting → Connecting → Talking → Ended → Idle
         → PreparingAnswer → Answering ↗

Talking comes again when the model of the call is being loaded, and when it is, and when one more is
invited. Every state but Idle can end. Nothing here does anything: the engine asks first, then acts.
"""

from __future__ import annotations

import threading

from app.core.errors import UndertoneError
from app.core.state import (
    Answering,
    CallState,
    Connecting,
    Ended,
    Idle,
    Inviting,
    PreparingAnswer,
    PreparingInvite,
    Talking,
)


class AlreadyInCall(UndertoneError):
    """There is a call already. Hang up first."""


class NoCall(UndertoneError):
    """There is no call now."""


class NoAnswerAwaited(UndertoneError):
    """No answer link is awaited now. Create a call first, and paste the answer to its invite."""


class NoInviteOpen(UndertoneError):
    """There is no open invite to take back."""


class InviteOpen(UndertoneError):
    """An invite is open already. Use it, or take it back first."""


class CallFull(UndertoneError):
    """The call is full: eight people fit. Somebody has to leave before another can come."""


class CallNotReady(UndertoneError):
    """The call is only just beginning. Try again in a moment."""


_NEXT: dict[type, tuple[type, ...]] = {
    Idle: (PreparingInvite, PreparingAnswer),
    PreparingInvite: (Inviting, Ended),
    Inviting: (Connecting, Ended),
    PreparingAnswer: (Answering, Ended),
    Answering: (Connecting, Talking, Ended),
    Connecting: (Talking, Ended),
    Talking: (Talking, Ended),
    Ended: (Idle, PreparingInvite, PreparingAnswer),
}


class Session:
    """Where one call stands. Any thread may call."""

    def __init__(self) -> None:
        self.state: CallState = Idle()
        self._lock = threading.Lock()

    def go(self, state: CallState) -> None:
        """Enter `state`. Raises an error in words when no way leads there from here."""
        with self._lock:
            if type(state) in _NEXT[type(self.state)]:
                self.state = state
                return
        if isinstance(state, PreparingInvite | PreparingAnswer):
            raise AlreadyInCall
        if isinstance(state, Connecting):
            raise NoAnswerAwaited
        raise NoCall

    def put_away(self) -> bool:
        """Go from Ended to Idle; False where the call has not ended."""
        with self._lock:
            has_ended = isinstance(self.state, Ended)
            if has_ended:
                self.state = Idle()
            return has_ended

    @property
    def is_live(self) -> bool:
        """Whether there is something to hang up."""
        return not isinstance(self.state, Idle | Ended)
