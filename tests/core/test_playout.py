from __future__ import annotations

import pytest

from app.core.jitter import JitterBuffer
from app.core.packet import VoicePacket
from app.core.playout import DRAW_OUT, EARLY, LATE, SHORTEN, Cadence, change_of


def test_within_the_dead_band_nothing_changes() -> None:
    assert {change_of(excess) for excess in (EARLY, 0.0, 0.01, LATE)} == {0.0}


@pytest.mark.parametrize("excess", [0.031, 0.05, 0.3, 5.0])
def test_late_speech_is_shortened_a_little_of_each_chunk(excess: float) -> None:
    assert -SHORTEN <= change_of(excess) < 0
    assert excess + change_of(excess) > 0


@pytest.mark.parametrize("excess", [-0.013, -0.05, -0.3])
def test_early_speech_is_drawn_out(excess: float) -> None:
    assert 0 < change_of(excess) <= DRAW_OUT
    assert excess + change_of(excess) <= 0


class Listener:
    def __init__(self) -> None:
        self.buffer = JitterBuffer(lambda: 0.0)
        self.cadence = Cadence(self.buffer)

    def target_after(self, *sizes: int, onset: bool = False) -> float:
        for size in sizes:
            self.cadence.see(VoicePacket(1, 0, ((0, 0, 0, 0),) * size, onset=onset))
        return self.buffer.stats().target


def test_larger_packets_are_believed_at_once_and_smaller_ones_when_they_go_on() -> None:
    listener = Listener()
    assert listener.target_after(1) == pytest.approx(0.02)
    assert listener.target_after(4) == pytest.approx(0.26)
    assert listener.target_after(2, 4, 1, 4, 3, 3) == pytest.approx(0.26)
    assert listener.target_after(1) == pytest.approx(0.02)


def test_the_packet_in_which_speech_begins_says_nothing_of_those_to_come() -> None:
    listener = Listener()
    listener.target_after(1)
    assert listener.target_after(2, onset=True) == pytest.approx(0.02)
