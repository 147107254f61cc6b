from __future__ import annotations

import pytest

from app.core.arrivals import Arrival, ArrivalMeter
from app.core.packet import NO_SOUND, SilencePacket, VoicePacket

CODES = (0, 0, 0, 0)


class Receiver:
    def __init__(self) -> None:
        self.now = 50.0
        self.meter = ArrivalMeter(lambda: self.now)

    def take(self, *sequences: int, count: int = 1, onset: bool = False, late: float = 0.0) -> int:
        news = 0
        for sequence in sequences:
            self.now = 50.0 + (sequence + count) * 0.08 + late
            news += self.meter.voice(
                VoicePacket(1, sequence, (CODES,) * count, onset=onset), sequence
            )
        return news


def test_nothing_lost_is_nothing_to_report() -> None:
    receiver = Receiver()
    assert receiver.take(*range(100)) == 100
    assert receiver.meter.read().loss == 0.0
    assert receiver.meter.due() is None


def test_loss_is_counted_before_repair() -> None:
    receiver = Receiver()
    receiver.take(*(n for n in range(75) if n % 5))
    assert receiver.meter.read() == Arrival(14 / 74, 1.0, pytest.approx(0.0))


def test_runs_of_lost_packets_are_told_from_single_ones() -> None:
    receiver = Receiver()
    receiver.take(*(n for n in range(0, 75, 2) if n % 16 < 10), count=2)
    assert receiver.meter.read().burst == pytest.approx(2.6, abs=0.2)


def test_a_packet_out_of_order_was_not_lost() -> None:
    receiver = Receiver()
    receiver.take(0, 1, 2, 4, 3, 5)
    assert receiver.meter.read().loss == 0.0
    assert receiver.take(4) == 0


def test_packets_that_overlap_count_once() -> None:
    receiver = Receiver()
    assert receiver.take(0, count=1) == 1
    assert receiver.take(0, count=4) == 3
    assert receiver.take(1, count=4) == 1


def test_an_announced_silence_is_no_loss() -> None:
    receiver = Receiver()
    receiver.take(*range(10))
    receiver.meter.silence(SilencePacket(1, 10, 0, NO_SOUND), 10)
    receiver.take(60, onset=True)
    receiver.take(*range(61, 70))
    assert receiver.meter.read().loss == 0.0


def test_what_was_lost_before_a_silence_was_told_is_lost() -> None:
    receiver = Receiver()
    receiver.take(*range(8))
    receiver.meter.silence(SilencePacket(1, 14, 4, NO_SOUND), 14)
    assert receiver.meter.read().loss == pytest.approx(0.2)


def test_an_onset_that_was_lost_is_one_packet_lost() -> None:
    receiver = Receiver()
    receiver.take(*range(10))
    receiver.meter.silence(SilencePacket(1, 10, 0, NO_SOUND), 10)
    receiver.take(100)
    assert receiver.meter.read().loss == pytest.approx(1 / 12)


def test_packets_that_stand_in_a_queue_are_noticed_within_seconds() -> None:
    receiver = Receiver()
    receiver.take(*range(25))
    for sequence in range(25, 50):
        receiver.take(sequence, late=(sequence - 24) * 0.04)
    due = receiver.meter.due()
    assert due is not None
    assert due.queue > 0.4


def test_single_late_packets_are_no_queue() -> None:
    receiver = Receiver()
    for sequence in range(100):
        receiver.take(sequence, late=0.3 if sequence % 3 == 0 else 0.0)
    assert receiver.meter.read().queue < 0.02


def test_reports_are_seldom_and_say_when_all_is_well_again() -> None:
    receiver = Receiver()
    reports: list[Arrival] = []
    for sequence in range(1000):
        if sequence % 10 or sequence > 300:
            receiver.take(sequence)
            if (due := receiver.meter.due()) is not None:
                reports.append(due)
    assert len(reports) <= 20
    assert max(report.loss for report in reports) == pytest.approx(0.1, abs=0.03)
    assert reports[-1].loss == 0.0


def test_a_sender_that_starts_over_begins_anew() -> None:
    receiver = Receiver()
    receiver.take(*(n for n in range(50) if n % 2))
    receiver.take(*range(5000, 5080))
    assert receiver.meter.read().loss == 0.0
