"""Chats joined by pipes that lose what they are told to lose."""

from __future__ import annotations

from app.core.chat import ChatLine, Mark
from app.core.control import Chat, ChatReceived
from app.core.state import ChatChanged
from app.engine.chatting import Chatting

NAMES = ("Ada", "Ben", "Eve")


class Party:
    """Several ends, each known to the others by its place; `cut` are ways on which all is lost."""

    def __init__(self, ends: int) -> None:
        self.cut: set[tuple[int, int]] = set()
        self.shown: list[tuple[ChatLine, ...]] = [()] * ends
        self.passed: list[Chat | ChatReceived] = []
        self.ends = [self._end(number) for number in range(ends)]

    def _end(self, here: int) -> Chatting:
        def send(there: int, message: Chat | ChatReceived) -> None:
            if (here, there) in self.cut:
                return
            self.passed.append(message)
            self.ends[there].take(here, NAMES[here], message)

        def show(event: ChatChanged) -> None:
            self.shown[here] = event.lines

        return Chatting(send, show, clock=lambda: 100.0)

    def texts(self, here: int) -> list[tuple[str, str]]:
        return [(line.who, line.text) for line in self.shown[here]]


def test_a_message_arrives_and_that_comes_back() -> None:
    party = Party(2)
    party.ends[0].write("Ada", "hello\r\nBen", [1])
    assert party.texts(1) == [("Ada", "hello\nBen")]
    assert party.shown[0][0].mark is Mark.DELIVERED


def test_a_message_to_all_arrives_at_all() -> None:
    party = Party(3)
    party.cut.add((0, 2))
    party.ends[0].write("Ada", "hello", [1, 2])
    assert party.texts(1) == [("Ada", "hello")]
    assert party.shown[0][0].mark_in_words == "sending, 1 of 2"
    party.cut.clear()
    party.ends[0].back(2)
    assert party.shown[0][0].mark_in_words == "delivered, 2 of 2"
    assert party.texts(1) == party.texts(2)


def test_what_a_dead_line_swallowed_comes_once_when_it_is_back() -> None:
    party = Party(2)
    party.cut = {(1, 0)}
    party.ends[0].write("Ada", "heard, but not answered", [1])
    party.cut = {(0, 1), (1, 0)}
    party.ends[0].write("Ada", "not heard", [1])
    assert [line.mark for line in party.shown[0]] == [Mark.SENDING, Mark.SENDING]
    party.cut = set()
    party.ends[0].back(1)
    assert party.texts(1) == [("Ada", "heard, but not answered"), ("Ada", "not heard")]
    assert [line.mark for line in party.shown[0]] == [Mark.DELIVERED, Mark.DELIVERED]
    sent = len(party.passed)
    party.ends[0].back(1)
    assert len(party.passed) == sent


def test_what_never_came_is_marked_when_the_peer_is_gone() -> None:
    party = Party(2)
    party.cut = {(0, 1)}
    party.ends[0].write("Ada", "hello?", [1])
    party.ends[0].left(1)
    assert party.shown[0][0].mark is Mark.NOT_DELIVERED


def test_a_new_call_begins_with_nothing_written() -> None:
    party = Party(2)
    party.ends[0].write("Ada", "hello", [1])
    Chatting(lambda there, message: None, lambda event: party.shown.__setitem__(0, event.lines))
    assert party.shown[0] == ()
