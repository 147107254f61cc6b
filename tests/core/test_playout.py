from __future__ import annotations

import pytest

from app.core.jitter import JitterBuffer
from app.core.packet import VoicePacket
from app.core.playout import DRAW_OUT, EARLY, LATE, SHORTEN, Cadence, Pace


def test_within_the_dead_band_nothing_changes() -> None:
    pace = Pace()
    assert {pace.change_of(excess) for excess in (EARLY, 0.0, 0.01, LATE)} == {0.0}


@pytest.mark.parametrize("excess", [0.031, 0.05, 0.3, 5.0])
def test_late_speech_is_shortened_a_little_of_each_chunk(excess: float) -> None:
    change = Pace().change_of(excess)
    assert -SHORTEN <= change < 0
    assert excess + change >= 0


@pytest.mark.parametrize("excess", [-0.013, -0.05, -0.3])
def test_early_speech_is_drawn_out(excess: float) -> None:
    change = Pace().change_of(excess)
    assert 0 < change <= DRAW_OUT
    assert excess + change <= 0


@pytest.mark.parametrize("start", [0.08, -0.05])
def test_what_left_the_band_is_brought_back_to_the_target(start: float) -> None:
    pace, excess = Pace(), start
    for _ in range(10):
        excess += pace.change_of(excess)
    assert excess == pytest.approx(0.0)
    assert pace.change_of(0.01) == pace.change_of(-0.01) == 0.0


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
