"""The chat of a call: what comes and goes on the control channels, and what front ends are told.

Every method is called on the network thread.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable

from app.core.chat import Conversation, WallClock
from app.core.control import Chat, ChatReceived, encode_control
from app.core.state import ChatChanged


class Chatting:
    """`send` hands bytes to one peer; `listen` is told of each change of the history."""

    def __init__(
        self,
        send: Callable[[int, bytes], object],
        listen: Callable[[ChatChanged], None],
        clock: WallClock = time.time,
    ) -> None:
        self._send, self._listen, self._clock = send, listen, clock
        self._talk = self._anew()

    def begin(self) -> None:
        """A new call: nothing was written in it yet."""
        if self._talk.history:
            self._talk = self._anew()
            self._tell()

    def write(self, who: str, text: str, peers: Iterable[int]) -> None:
        """Send `text` to these peers. Raises what `Conversation.write` does."""
        to = tuple(peers)
        chat = self._talk.write(who, text, to)
        self._tell()
        for peer in to:  # One that cannot take it now gets it when it is back.
            self._send(peer, encode_control(chat))

    def take(self, peer: int, who: str, message: Chat | ChatReceived) -> bool:
        """Take what a peer sent; whether it is a message not seen before."""
        match message:
            case Chat():
                is_new = self._talk.take(peer, who, message)
                self._send(peer, encode_control(ChatReceived(message.id)))
                if is_new:
                    self._tell()
                return is_new
            case ChatReceived():
                if self._talk.delivered(peer, message.id):
                    self._tell()
                return False

    def back(self, peer: int) -> None:
        """A peer's connection came back: what it may have missed goes out again."""
        for chat in self._talk.waiting_for(peer):
            self._send(peer, encode_control(chat))

    def left(self, peer: int) -> None:
        """A peer is gone for good."""
        if self._talk.left(peer):
            self._tell()

    def _anew(self) -> Conversation:
        return Conversation(self._clock, secrets.randbits(32))

    def _tell(self) -> None:
        self._listen(ChatChanged(self._talk.history))
