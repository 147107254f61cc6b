"""The chat of one call: what comes and goes on the control channels, what front ends are told.

Every method is called on the network thread.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable

from app.core.chat import Conversation, WallClock
from app.core.control import Chat, ChatReceived
from app.core.state import ChatChanged


class Chatting:
    """`send` hands a message to one peer; `listen` is told of each change of the history."""

    def __init__(
        self,
        send: Callable[[int, Chat | ChatReceived], object],
        listen: Callable[[ChatChanged], None],
        clock: WallClock = time.time,
    ) -> None:
        self._send, self._listen = send, listen
        self._talk = Conversation(clock, secrets.randbits(32))
        self._tell()  # What was written in the call before is forgotten.

    def write(self, who: str, text: str, peers: Iterable[int]) -> None:
        """Send `text` to these peers. Raises what `Conversation.write` does."""
        to = tuple(peers)
        chat = self._talk.write(who, text, to)
        self._tell()
        for peer in to:  # One that cannot take it now gets it when it is back.
            self._send(peer, chat)

    def take(self, peer: int, who: str, message: Chat | ChatReceived) -> None:
        """Take what a peer sent."""
        match message:
            case Chat():
                is_new = self._talk.take(peer, who, message)
                self._send(peer, ChatReceived(message.id))
                if is_new:
                    self._tell()
            case ChatReceived():
                if self._talk.delivered(peer, message.id):
                    self._tell()

    def back(self, peer: int) -> None:
        """A peer's connection came back: what it may have missed goes out again."""
        for chat in self._talk.waiting_for(peer):
            self._send(peer, chat)

    def left(self, peer: int) -> None:
        """A peer is gone for good."""
        if self._talk.left(peer):
            self._tell()

    def _tell(self) -> None:
        self._listen(ChatChanged(self._talk.history))
