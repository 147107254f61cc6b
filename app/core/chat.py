"""What is written in a call: its history as values, and what has yet to be delivered to whom.

A message goes to every peer of the call. It waits for each peer's `ChatReceived`, is sent again to
one whose connection was lost and came back, and is given up for one that left. The receiver knows a
message by its id, so that one which comes twice is shown once. Nothing here sends: the engine does.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from app.core.control import MAX_CHAT_BYTES, Chat, ChatTooLong
from app.core.errors import UndertoneError
from app.core.texts import clean_lines

HISTORY = 500
"""Lines kept; the oldest go first."""

MAX_WAITING = 100
"""Messages that may wait to be delivered, lest a dead line fill the memory."""

_IDS_KEPT = 1024
_ID_MASK = 0xFFFFFFFF

WallClock = Callable[[], float]
"""Unix time in seconds (`time.time`)."""


class NothingWritten(UndertoneError):
    """The message is empty. Write something first."""


class NobodyToWriteTo(UndertoneError):
    """There is nobody to write to: no one is in the call."""


class TooMuchWaiting(UndertoneError):
    """Too many messages wait to be delivered. Send this one when the others have arrived."""


class Mark(enum.Enum):
    """How far an own message came."""

    SENDING = "sending"
    DELIVERED = "delivered"
    NOT_DELIVERED = "not delivered"


@dataclass(frozen=True)
class ChatLine:
    """A line of the history. `number` grows by one with each; `at` is Unix time in seconds.

    Of an own message `of` peers were to get it, `reached` have it and `waiting` did not say yet.
    """

    number: int
    who: str
    text: str
    at: float
    own: bool = False
    of: int = 0
    reached: int = 0
    waiting: int = 0

    @property
    def mark(self) -> Mark | None:
        """How far it came; None for a message of someone else's."""
        if not self.own:
            return None
        if self.waiting:
            return Mark.SENDING
        return Mark.DELIVERED if self.reached == self.of else Mark.NOT_DELIVERED

    @property
    def mark_in_words(self) -> str:
        """The mark, with how many have the message where several were to get it; "" for none."""
        mark = self.mark
        if mark is None:
            return ""
        return mark.value if self.of == 1 else f"{mark.value}, {self.reached} of {self.of}"


@dataclass
class _Underway:
    """An own message that someone has yet to get."""

    number: int
    chat: Chat
    peers: set[int]


class Conversation:
    """The chat of one call. `first_id` should differ from call to call: chosen at random.

    Peers are the ids of their `PeerView`s. Not for several threads at once.
    """

    def __init__(self, clock: WallClock, first_id: int = 1) -> None:
        self._clock = clock
        self._next_id = first_id & _ID_MASK
        self._next_number = 1
        self._lines: dict[int, ChatLine] = {}
        self._underway: dict[int, _Underway] = {}
        self._seen: dict[int, deque[int]] = {}

    @property
    def history(self) -> tuple[ChatLine, ...]:
        """Every line kept, the oldest first."""
        return tuple(self._lines.values())

    def write(self, who: str, text: str, peers: Iterable[int]) -> Chat:
        """Take an own message to these peers; returns what to send to each of them.

        Raises NothingWritten, ChatTooLong, NobodyToWriteTo or TooMuchWaiting; nothing has then
        changed.
        """
        text = clean_lines(text)
        if not text:
            raise NothingWritten
        if (size := len(text.encode("utf-8", "replace"))) > MAX_CHAT_BYTES:
            raise ChatTooLong(size)
        to = set(peers)
        if not to:
            raise NobodyToWriteTo
        if len(self._underway) >= MAX_WAITING and not self._give_one_up():
            raise TooMuchWaiting
        chat = Chat(self._next_id, text)
        self._next_id = (self._next_id + 1) & _ID_MASK
        line = self._append(who, text, own=True, of=len(to), waiting=len(to))
        self._underway[chat.id] = _Underway(line.number, chat, to)
        return chat

    def take(self, peer: int, who: str, chat: Chat) -> bool:
        """Take a peer's message; whether it is new. It is to be acknowledged either way."""
        seen = self._seen.setdefault(peer, deque(maxlen=_IDS_KEPT))
        if chat.id in seen:
            return False
        seen.append(chat.id)
        if not chat.text:
            return False
        self._append(who, chat.text)
        return True

    def delivered(self, peer: int, chat_id: int) -> bool:
        """A peer says it has a message; whether that changed anything."""
        underway = self._underway.get(chat_id)
        if underway is None or peer not in underway.peers:
            return False
        self._settle(underway, peer, reached=1)
        return True

    def waiting_for(self, peer: int) -> tuple[Chat, ...]:
        """What to send, again, to a peer whose connection came back, in the order written."""
        return tuple(each.chat for each in self._underway.values() if peer in each.peers)

    def left(self, peer: int) -> bool:
        """A peer is gone for good; whether that changed anything."""
        self._seen.pop(peer, None)
        lost = [each for each in self._underway.values() if peer in each.peers]
        for underway in lost:
            self._settle(underway, peer, reached=0)
        return bool(lost)

    def _give_one_up(self) -> bool:
        """Give up an old message for those who alone lack it, lest they keep all from writing."""
        for underway in self._underway.values():
            line = self._lines.get(underway.number)
            if line is None or line.reached:
                for peer in tuple(underway.peers):
                    self._settle(underway, peer, reached=0)
                return True
        return False

    def _settle(self, underway: _Underway, peer: int, *, reached: int) -> None:
        underway.peers.remove(peer)
        if not underway.peers:
            del self._underway[underway.chat.id]
        line = self._lines.get(underway.number)
        if line is not None:  # Else it is too long ago to be shown.
            self._lines[line.number] = replace(
                line, reached=line.reached + reached, waiting=len(underway.peers)
            )

    def _append(
        self, who: str, text: str, *, own: bool = False, of: int = 0, waiting: int = 0
    ) -> ChatLine:
        line = ChatLine(self._next_number, who, text, self._clock(), own, of, 0, waiting)
        self._next_number += 1
        self._lines[line.number] = line
        if len(self._lines) > HISTORY:
            del self._lines[next(iter(self._lines))]
        return line
