from __future__ import annotations

import pytest

from app.core import packet
from app.core.packet import NO_SOUND, Codes, NoiseHint, Packet, SilencePacket, VoicePacket
from app.core.packing import AGAIN_CHUNKS, CHANGED_CHUNKS, REFRESH_CHUNKS, Outgoing, Packer, Rate
from app.core.profile import Plan, Profile

RATES = (Rate(1, 16), Rate(5, 12, 4), Rate(6, 11, 5))
BITS = {1: 16, 5: 12, 6: 11}
ROOM = NoiseHint(60)
LOW = Plan(Profile.LOW_DELAY, 1, (1,))
BALANCED = Plan(Profile.BALANCED, 2, (1,))
SAVER = Plan(Profile.SAVER, 4, (), lean=True)


def codes(number: int) -> Codes:
    return (number << 5, 0, 0, 0)


class Sender:
    """A packer, and the packets it made."""

    def __init__(self) -> None:
        self.packer = Packer(RATES)
        self.number = 0
        self.out: list[Outgoing] = []

    def speak(self, chunks: int, plan: Plan) -> list[Packet]:
        made = []
        for _ in range(chunks):
            made += self.packer.voice(codes(self.number), plan)
            self.number += 1
        return self.read(made)

    def pause(self, chunks: int, noise: NoiseHint = ROOM, plan: Plan = LOW) -> list[Packet]:
        made = []
        for _ in range(chunks):
            made += self.packer.silence(codes(self.number), noise, plan)
            self.number += 1
        return self.read(made)

    def read(self, made: list[Outgoing]) -> list[Packet]:
        self.out += made
        return [packet.decode(each.data, BITS) for each in made]


def test_a_chunk_a_packet_and_the_one_before_once_more() -> None:
    first, second = Sender().speak(2, LOW)
    assert first == VoicePacket(1, 0, (codes(0),), onset=True)
    assert second == VoicePacket(1, 1, (codes(1),), (1,), (codes(0),))


def test_repeats_leave_out_what_was_never_sent() -> None:
    sender = Sender()
    plan = Plan(Profile.LOW_DELAY, 1, (1, 3))
    assert [each.distances for each in sender.speak(4, plan)] == [(), (1,), (1,), (1, 3)]


def test_the_saver_sends_four_at_the_lowest_rate() -> None:
    sender = Sender()
    (only,) = sender.speak(5, SAVER)
    assert only == VoicePacket(6, 0, tuple((n, 0, 0, 0) for n in range(4)), onset=True)
    assert sender.out[0].code_bits == 4 * 4 * 11


def test_what_waits_for_a_full_packet_goes_out_when_speech_ends() -> None:
    sender = Sender()
    sender.speak(6, SAVER)
    rest, quiet = sender.pause(1, plan=SAVER)
    assert isinstance(rest, VoicePacket)
    assert (rest.sequence, len(rest.new)) == (4, 2)
    assert quiet == SilencePacket(1, 6, 0, ROOM)


def test_silence_is_told_twice_and_then_seldom() -> None:
    sender = Sender()
    sender.speak(3, LOW)
    told = sender.pause(REFRESH_CHUNKS + AGAIN_CHUNKS + 1)
    assert [(each.sequence, each.since) for each in told] == [
        (3, 0),
        (3 + AGAIN_CHUNKS, AGAIN_CHUNKS),
        (3 + AGAIN_CHUNKS + REFRESH_CHUNKS, packet.MAX_SINCE),
    ]


def test_a_background_that_changes_is_told_before_its_time() -> None:
    sender = Sender()
    sender.pause(AGAIN_CHUNKS + 1)
    assert sender.pause(CHANGED_CHUNKS - 2, NoiseHint(40)) == []
    (told,) = sender.pause(3, NoiseHint(40))
    assert isinstance(told, SilencePacket)
    assert told.noise.level == 40
    assert len(sender.pause(1, NO_SOUND)) == 1  # muted


def test_the_chunk_before_speech_goes_out_with_it() -> None:
    sender = Sender()
    sender.pause(20)
    first, second = sender.speak(2, LOW)
    assert first == VoicePacket(1, 19, (codes(19), codes(20)), onset=True)
    assert second == VoicePacket(1, 21, (codes(21),), (1,), (codes(20),))


def test_a_chunk_that_was_muted_never_goes_out() -> None:
    sender = Sender()
    sender.packer.silence(None, NO_SOUND, LOW)
    sender.number += 1
    (only,) = sender.speak(1, LOW)
    assert only == VoicePacket(1, 1, (codes(1),), onset=True)


def test_a_silent_minute_costs_four_packets() -> None:
    sender = Sender()
    sender.pause(round(60 / 0.08))
    assert len(sender.out) == 3
    assert all(len(each.data) == packet.SILENCE_BYTES for each in sender.out)


def test_sequence_numbers_wrap() -> None:
    sender = Sender()
    sender.packer._number = sender.number = 0xFFFF
    sender.packer.voice((0, 0, 0, 0), LOW)
    (second,) = sender.read(sender.packer.voice((1, 0, 0, 0), LOW))
    assert second == VoicePacket(1, 0, ((1, 0, 0, 0),), (1,), ((0, 0, 0, 0),))


@pytest.mark.parametrize("plans", [(LOW, SAVER), (SAVER, LOW), (LOW, BALANCED), (BALANCED, SAVER)])
def test_a_change_of_plan_leaves_no_chunk_out(plans: tuple[Plan, Plan]) -> None:
    sender = Sender()
    made = [*sender.speak(13, plans[0]), *sender.speak(60, plans[1]), *sender.pause(1)]
    voices = [each for each in made if isinstance(each, VoicePacket)]
    sent = {each.sequence + index for each in voices for index in range(len(each.new))}
    assert sent == set(range(73))
    assert len(voices[-2].new) == plans[1].new
    for each in voices:
        full = each.model_id == 1
        for number, chunk, _ in packet.numbered(each, each.sequence):
            assert chunk == (codes(number) if full else (number, 0, 0, 0))


def test_larger_packets_are_announced_by_ones_that_overlap() -> None:
    sender = Sender()
    sender.speak(10, LOW)
    made = sender.speak(24, Plan(Profile.SAVER, 4, ()))
    ends = [each.sequence + len(each.new) for each in made if isinstance(each, VoicePacket)]
    assert ends[:18] == list(range(11, 29))
    assert {len(each.new) for each in made if isinstance(each, VoicePacket)} == {4}
    assert ends[18:] == [32]
    bits = sum(each.code_bits for each in sender.out)
    assert bits == 32 * 64  # each chunk's codes once, however often they were sent


def test_after_a_silence_larger_packets_begin_at_once() -> None:
    sender = Sender()
    sender.speak(10, LOW)
    sender.pause(10)
    made = sender.speak(3, SAVER)
    assert [(each.sequence, len(each.new)) for each in made if isinstance(each, VoicePacket)] == [
        (19, 4)
    ]


def test_memory_does_not_grow() -> None:
    sender = Sender()
    sender.speak(1000, LOW)
    assert len(sender.packer._sent) <= 16


def test_another_model_begins_with_a_packet_of_its_own() -> None:
    sender = Sender()
    sender.speak(6, SAVER)
    (rest,) = sender.read(sender.packer.use((Rate(3, 12),), SAVER))
    assert isinstance(rest, VoicePacket)
    assert (rest.model_id, rest.sequence, len(rest.new)) == (6, 4, 2)
    made = sender.packer.voice((7, 0, 0, 0), LOW) + sender.packer.voice((8, 0, 0, 0), LOW)
    first, second = (packet.decode(each.data, {3: 12}) for each in made)
    assert first == VoicePacket(3, 6, ((7, 0, 0, 0),))
    assert second == VoicePacket(3, 7, ((8, 0, 0, 0),), (1,), ((7, 0, 0, 0),))


def test_another_model_in_a_silence_does_not_send_the_chunk_before_in_the_old_ones_codes() -> None:
    sender = Sender()
    sender.pause(8)
    assert sender.packer.use((Rate(3, 12),), LOW) == []
    (only,) = sender.packer.voice((7, 0, 0, 0), LOW)
    assert packet.decode(only.data, {3: 12}) == VoicePacket(3, 8, ((7, 0, 0, 0),), onset=True)
