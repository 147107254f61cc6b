from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.chat import (
    HISTORY,
    MAX_WAITING,
    Conversation,
    Mark,
    NobodyToWriteTo,
    NothingWritten,
    TooMuchWaiting,
)
from app.core.control import MAX_CHAT_BYTES, Chat, ChatTooLong

ADA, BEN, EVE, JOE, MALLORY = range(5)


def test_a_message_is_sent_then_delivered() -> None:
    chat = Conversation(lambda: 12.5)
    sent = chat.write("Ada", "hello", [BEN])
    (line,) = chat.history
    assert (line.who, line.text, line.at, line.own) == ("Ada", "hello", 12.5, True)
    assert line.mark is Mark.SENDING
    assert chat.waiting_for(BEN) == (sent,)
    assert chat.delivered(BEN, sent.id)
    (line,) = chat.history
    assert line.mark is Mark.DELIVERED
    assert line.mark_in_words == "delivered"
    assert not chat.waiting_for(BEN)


def test_delivery_to_several_is_counted() -> None:
    chat = Conversation(lambda: 0.0)
    sent = chat.write("Ada", "hello", [BEN, EVE, JOE])
    chat.delivered(BEN, sent.id)
    assert chat.history[0].mark_in_words == "sending, 1 of 3"
    chat.delivered(EVE, sent.id)
    assert chat.left(JOE)
    assert chat.history[0].mark is Mark.NOT_DELIVERED
    assert chat.history[0].mark_in_words == "not delivered, 2 of 3"


def test_what_is_acknowledged_twice_or_by_a_stranger_counts_once() -> None:
    chat = Conversation(lambda: 0.0)
    sent = chat.write("Ada", "hello", [BEN, EVE])
    assert chat.delivered(BEN, sent.id)
    assert not chat.delivered(BEN, sent.id)
    assert not chat.delivered(MALLORY, sent.id)
    assert not chat.delivered(EVE, sent.id + 1)
    assert (chat.history[0].reached, chat.history[0].waiting) == (1, 1)


def test_what_waits_is_sent_again_in_order_and_shown_once() -> None:
    ada, ben = Conversation(lambda: 0.0, first_id=0xFFFFFFFE), Conversation(lambda: 0.0)
    texts = ["one", "two", "three"]
    sent = [ada.write("Ada", text, [BEN]) for text in texts]
    assert ben.take(ADA, "Ada", sent[1])  # The first was lost, and so were the answers.
    for again in ada.waiting_for(BEN):
        ben.take(ADA, "Ada", again)
        ada.delivered(BEN, again.id)
    assert [line.text for line in ben.history] == ["two", "one", "three"]
    assert {line.mark for line in ada.history} == {Mark.DELIVERED}
    assert {line.mark for line in ben.history} == {None}


def test_a_peer_that_comes_anew_may_count_from_where_it_likes() -> None:
    chat = Conversation(lambda: 0.0)
    assert chat.take(BEN, "Ben", Chat(1, "before"))
    chat.left(BEN)
    assert chat.take(BEN, "Ben", Chat(1, "after"))
    assert [line.text for line in chat.history] == ["before", "after"]


def test_two_peers_may_use_the_same_ids() -> None:
    chat = Conversation(lambda: 0.0)
    assert chat.take(BEN, "Ben", Chat(1, "mine"))
    assert chat.take(EVE, "Eve", Chat(1, "mine too"))


@pytest.mark.parametrize(
    ("text", "peers", "error"),
    [
        (" \n\t", [BEN], NothingWritten),
        ("x" * (MAX_CHAT_BYTES + 1), [BEN], ChatTooLong),
        ("é" * (MAX_CHAT_BYTES // 2 + 1), [BEN], ChatTooLong),
        ("hello", [], NobodyToWriteTo),
    ],
)
def test_what_cannot_be_sent_is_refused_and_changes_nothing(
    text: str, peers: list[int], error: type[Exception]
) -> None:
    chat = Conversation(lambda: 0.0)
    with pytest.raises(error):
        chat.write("Ada", text, peers)
    assert not chat.history
    assert not chat.waiting_for(BEN)


def test_a_dead_line_does_not_fill_the_memory() -> None:
    chat = Conversation(lambda: 0.0)
    for _ in range(MAX_WAITING):
        chat.write("Ada", "hello?", [BEN])
    with pytest.raises(TooMuchWaiting):
        chat.write("Ada", "hello?", [BEN])
    chat.left(BEN)
    chat.write("Ada", "hello", [EVE])


def test_one_who_never_answers_does_not_keep_all_from_writing() -> None:
    chat = Conversation(lambda: 0.0)
    for _ in range(MAX_WAITING + 20):
        chat.delivered(BEN, chat.write("Ada", "hello", [BEN, MALLORY]).id)
    assert chat.history[0].mark is Mark.NOT_DELIVERED
    assert chat.history[0].mark_in_words == "not delivered, 1 of 2"
    assert len(chat.waiting_for(MALLORY)) == MAX_WAITING


def test_the_history_has_an_end_and_what_waits_outlives_it() -> None:
    chat = Conversation(lambda: 0.0)
    sent = chat.write("Ada", "first", [BEN])
    for number in range(HISTORY + 7):
        chat.take(BEN, "Ben", Chat(number, str(number)))
    assert len(chat.history) == HISTORY
    assert chat.history[-1].text == str(HISTORY + 6)
    assert chat.waiting_for(BEN) == (sent,)
    assert chat.delivered(BEN, sent.id)
    assert len(chat.history) == HISTORY


PEERS = st.sampled_from([BEN, EVE, JOE])
STEP = st.one_of(
    st.tuples(st.just("write"), st.sets(PEERS, min_size=1)),
    st.tuples(st.just("delivered"), PEERS, st.integers(1, 12)),
    st.tuples(st.just("left"), PEERS),
)


@given(st.lists(STEP, max_size=40))
def test_marks_and_what_waits_always_agree(steps: list[tuple]) -> None:
    chat = Conversation(lambda: 0.0)
    for what, *details in steps:
        if what == "write":
            chat.write("Ada", "hello", details[0])
        elif what == "delivered":
            chat.delivered(*details)
        else:
            chat.left(*details)
    waiting = [chat.waiting_for(peer) for peer in (BEN, EVE, JOE)]
    assert sum(line.waiting for line in chat.history) == sum(map(len, waiting))
    assert all(0 <= line.reached + line.waiting <= line.of for line in chat.history)
