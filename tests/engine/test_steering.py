from __future__ import annotations

from app.core.control import Report
from app.core.profile import Profile
from app.engine.steering import Steering


class Steered:
    def __init__(self, chosen: Profile | None = None) -> None:
        self.now, self.backlog = 0.0, 0
        self.steering = Steering(lambda: self.now, chosen, lambda: self.backlog)


def test_before_anything_is_known_delay_is_low() -> None:
    steered = Steered()
    assert steered.steering.profile is None
    assert steered.steering.plan().profile is Profile.LOW_DELAY
    assert steered.steering.profile is Profile.LOW_DELAY


def test_what_the_peer_reports_is_followed() -> None:
    steered = Steered()
    steered.steering.report(Report(loss=0.15, burst=1.0, queue=0.0))
    assert steered.steering.plan().distances == (1, 2, 3)
    steered.steering.report(Report(loss=0.0, burst=1.0, queue=0.6))
    assert steered.steering.plan().profile is Profile.SAVER


def test_a_round_trip_that_grows_tells_of_a_queue() -> None:
    steered = Steered()
    steered.steering.round_trip(0.05)
    assert steered.steering.plan().profile is Profile.LOW_DELAY
    steered.steering.round_trip(1.5)
    assert steered.steering.plan().profile is Profile.SAVER


def test_bytes_that_wait_to_leave_tell_of_a_narrow_line() -> None:
    steered = Steered()
    steered.backlog = 900
    assert steered.steering.plan().profile is Profile.SAVER


def test_a_person_may_change_it_any_time() -> None:
    steered = Steered(Profile.BALANCED)
    assert steered.steering.plan().new == 2
    steered.steering.choose(Profile.SAVER)
    assert steered.steering.plan().new == 4
    steered.steering.choose(None)
    assert steered.steering.plan().profile is Profile.SAVER


def test_a_busy_machine_sends_larger_packets_unless_a_person_chose() -> None:
    steered = Steered()
    steered.steering.spare(True)
    assert steered.steering.plan().profile is Profile.BALANCED
    steered.steering.choose(Profile.LOW_DELAY)
    assert steered.steering.plan().profile is Profile.LOW_DELAY
    steered.steering.choose(None)
    steered.steering.spare(False)
    assert steered.steering.plan().profile is Profile.LOW_DELAY
