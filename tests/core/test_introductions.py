"""Whole circles of ends that introduce each other, without a network."""

from __future__ import annotations

import itertools
import random

import pytest

from app.core.introductions import (
    MOST_INTRODUCED,
    Introductions,
    Member,
    Present,
    Relay,
    Step,
)

OFFER, ANSWER = Step.OFFER, Step.ANSWER


class World:
    """Ends by id. An end's line to another goes by the other's id."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.ends: dict[int, Introductions] = {}
        self.connected: set[frozenset[int]] = set()
        self.mail: list[tuple[int, int, object]] = []
        self.offers: list[frozenset[int]] = []

    def connect(self, one: int, other: int) -> None:
        """A way was found between two, by a link or an introduction."""
        for end in (one, other):
            self.ends.setdefault(end, Introductions(end))
        self.connected.add(frozenset((one, other)))
        for end, far in ((one, other), (other, one)):
            self.send(end, far, self.present(end, far))

    def lines(self, end: int) -> list[int]:
        return [far for far in self.ends if frozenset((end, far)) in self.connected]

    def present(self, end: int, far: int) -> Present:
        return self.ends[end].present_for(far, [(line, f"n{line}") for line in self.lines(end)])

    def send(self, end: int, far: int, message: object) -> None:
        self.mail.append((end, far, message))

    def settle(self) -> None:
        """Deliver everything: each line in order, the lines in any."""
        for steps in itertools.count():
            assert steps < 5000
            if not self.mail:
                return
            end, far = self.random.choice(self.mail)[:2]
            message = next(m for m in self.mail if m[:2] == (end, far))
            self.mail.remove(message)
            self.deliver(end, far, message[2])

    def deliver(self, sender: int, to: int, message: object) -> None:
        end = self.ends[to]
        match message:
            case Present():
                is_new = end.member_of(sender) is None
                end.told(sender, message)
                if is_new:
                    for line in self.lines(to):
                        if line != sender:
                            self.send(to, line, self.present(to, line))
                for member, via in end.to_offer(7 - len(self.lines(to))):
                    self.offers.append(frozenset((to, member)))
                    self.send(to, via, Relay(member, to, OFFER, b""))
            case Relay() if message.to != to:
                assert end.member_of(sender) == message.sender
                if end.line_of(message.to) is not None:
                    self.send(to, message.to, message)
            case Relay(step=Step.OFFER):
                if end.may_answer(sender, message):
                    self.send(to, sender, Relay(message.sender, to, ANSWER, b""))
            case Relay(step=Step.ANSWER):
                if end.may_accept(sender, message):
                    self.connect(to, message.sender)


@pytest.mark.parametrize("seed", range(30))
def test_everybody_is_connected_to_everybody_once(seed: int) -> None:
    world = World(seed)
    ids = random.Random(seed).sample(range(1, 2**32), 8)
    for index, newcomer in enumerate(ids[1:], 1):
        world.connect(world.random.choice(ids[:index]), newcomer)
        if world.random.random() < 0.5:  # Else the next is invited while this one is introduced.
            world.settle()
    world.settle()
    assert world.connected == {frozenset(pair) for pair in itertools.combinations(ids, 2)}
    assert len(world.offers) == len(set(world.offers))


def told_of(other: int, own: int = 5, via: int = 7) -> Introductions:
    end = Introductions(own)
    end.told(1, Present(via, (Member(other, "Zoe"),)))
    return end


def test_of_two_only_the_one_of_the_lower_id_offers() -> None:
    assert told_of(9).to_offer(7) == [(9, 1)]
    assert told_of(3).to_offer(7) == []


def test_an_offer_is_made_once_and_not_where_there_is_no_room() -> None:
    end = told_of(9)
    assert end.to_offer(0) == []
    assert end.to_offer(7) == [(9, 1)]
    assert end.to_offer(7) == []


def test_only_one_told_of_is_answered_and_only_once() -> None:
    end = told_of(3)
    assert not end.may_answer(1, Relay(5, 4, OFFER, b""))  # nobody spoke of 4
    assert not end.may_answer(2, Relay(5, 3, OFFER, b""))  # nor that line of 3
    assert end.may_answer(1, Relay(5, 3, OFFER, b""))
    assert not end.may_answer(1, Relay(5, 3, OFFER, b""))
    assert not told_of(9).may_answer(1, Relay(5, 9, OFFER, b""))  # it is for us to offer


def test_only_an_answer_that_is_awaited_is_taken_and_from_where_it_is() -> None:
    end = told_of(9)
    assert not end.may_accept(1, Relay(5, 9, ANSWER, b""))
    end.to_offer(7)
    assert not end.may_accept(2, Relay(5, 9, ANSWER, b""))
    assert end.may_accept(1, Relay(5, 9, ANSWER, b""))
    assert not end.may_accept(1, Relay(5, 9, ANSWER, b""))


def test_who_leaves_before_an_answer_is_called_off_and_may_come_another_way() -> None:
    end = told_of(9)
    end.to_offer(7)
    assert end.told(1, Present(7)) == (9,)
    end.told(2, Present(8, (Member(9, "Zoe"),)))
    assert end.to_offer(7) == [(9, 2)]
    assert end.lost(2, said_bye=True) == (9,)


def test_one_who_was_lost_is_looked_for_and_one_who_left_is_not() -> None:
    for said_bye, expected in ((False, [(9, 1)]), (True, [])):
        end = told_of(9)
        end.told(2, Present(9))
        assert end.to_offer(7) == []
        end.lost(2, said_bye=said_bye)
        assert end.to_offer(7) == expected


def test_where_no_way_is_found_it_is_not_tried_again() -> None:
    end = told_of(9)
    end.to_offer(7)
    assert end.name_of(9) == "Zoe"
    assert end.failed(9) == 1
    assert end.to_offer(7) == []


def test_nobody_becomes_someone_else_or_us() -> None:
    end = told_of(9)
    end.told(1, Present(6))
    end.told(2, Present(5))
    assert end.member_of(1) == 7
    assert end.member_of(2) is None


def test_nobody_becomes_one_who_is_there_already() -> None:
    end = Introductions(1)
    end.told(10, Present(5))
    end.told(20, Present(5, (Member(7, "seven"),)))
    assert end.member_of(20) is None
    assert end.line_of(5) == 10
    assert end.to_offer(room=5) == []


def test_nobody_introduces_without_end() -> None:
    end, offered = Introductions(1), 0
    for first in range(100, 1000, 7):
        end.told(10, Present(5, tuple(Member(first + i, "") for i in range(7))))
        offered += len(end.to_offer(room=7))
    assert offered == MOST_INTRODUCED
    end.told(20, Present(6, (Member(5000, "five thousand"),)))
    assert end.to_offer(room=7) == [(5000, 20)]
