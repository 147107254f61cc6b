from __future__ import annotations

from itertools import pairwise

import pytest

from app.core.profile import (
    PROFILE_NAMES,
    LinkReading,
    Plan,
    PolicySettings,
    Profile,
    ProfilePolicy,
    profile_named,
)

GOOD = LinkReading(round_trip=0.05)
NARROW = LinkReading(queue=0.5, round_trip=0.05)


class Follower:
    """A policy asked every half second, and what it said."""

    def __init__(self, chosen: Profile | None = None) -> None:
        self.now = 0.0
        self.policy = ProfilePolicy(lambda: self.now, chosen)
        self.plans: list[Plan] = []

    def pass_time(self, seconds: float, reading: LinkReading) -> Plan:
        for _ in range(round(seconds * 2)):
            self.now += 0.5
            self.plans.append(self.policy.decide(reading))
        return self.plans[-1]

    @property
    def changes(self) -> int:
        profiles = [plan.profile for plan in self.plans]
        return sum(a != b for a, b in pairwise(profiles))


def test_names_are_those_a_person_may_give() -> None:
    assert [profile_named(name) for name in PROFILE_NAMES] == [None, *Profile]
    assert profile_named("no such profile") is None


@pytest.mark.parametrize(
    ("profile", "new", "lean"),
    [(Profile.LOW_DELAY, 1, False), (Profile.BALANCED, 2, False), (Profile.SAVER, 4, True)],
)
def test_a_profile_chosen_by_hand_stays(profile: Profile, new: int, lean: bool) -> None:
    follower = Follower(profile)
    for reading in (GOOD, NARROW, LinkReading(loss=0.5, burst=4)):
        plan = follower.pass_time(60, reading)
        assert (plan.profile, plan.new, plan.lean) == (profile, new, lean)


def test_a_good_line_has_low_delay() -> None:
    follower = Follower()
    follower.pass_time(600, GOOD)
    assert {plan.profile for plan in follower.plans} == {Profile.LOW_DELAY}


@pytest.mark.parametrize(
    "reading",
    [NARROW, LinkReading(backlog=1000, round_trip=0.05), LinkReading(round_trip=2.0)],
)
def test_each_sign_of_a_narrow_line_chooses_the_saver_at_once(reading: LinkReading) -> None:
    follower = Follower()
    follower.pass_time(5, GOOD)
    assert follower.pass_time(0.5, reading).profile is Profile.SAVER


def test_a_line_that_widened_gets_its_low_delay_back_in_time() -> None:
    follower = Follower()
    follower.pass_time(5, NARROW)
    settings = PolicySettings()
    assert follower.pass_time(settings.calm - 1, GOOD).profile is Profile.SAVER
    assert follower.pass_time(2, GOOD).profile is Profile.BALANCED
    assert follower.pass_time(settings.calm * settings.patience + 2, GOOD).profile is (
        Profile.LOW_DELAY
    )


def test_a_line_too_narrow_for_low_delay_does_not_flap() -> None:
    follower = Follower()
    plan = follower.pass_time(0.5, GOOD)
    for _ in range(2 * 3600):
        plan = follower.pass_time(0.5, NARROW if plan.profile is Profile.LOW_DELAY else GOOD)
    last_half_hour = [plan.profile for plan in follower.plans[-3600:]]
    assert last_half_hour.count(Profile.BALANCED) > 0.9 * len(last_half_hour)
    assert follower.changes <= 24


def test_chosen_by_hand_and_let_go_it_goes_on_from_there() -> None:
    follower = Follower(Profile.SAVER)
    follower.pass_time(1, GOOD)
    follower.policy.choose(None)
    assert follower.pass_time(1, GOOD).profile is Profile.SAVER
    assert follower.pass_time(31, GOOD).profile is Profile.BALANCED


def test_a_far_peer_gets_no_profile_that_hardly_helps() -> None:
    follower = Follower(Profile.SAVER)
    follower.policy.choose(None)
    assert follower.pass_time(300, LinkReading(round_trip=0.8)).profile is Profile.BALANCED


def test_more_is_repeated_the_more_is_lost() -> None:
    follower = Follower(Profile.BALANCED)
    repeats = [
        follower.pass_time(1, LinkReading(loss=loss, burst=1.1)).distances
        for loss in (0.0, 0.02, 0.06, 0.15)
    ]
    assert repeats == [(1,), (1,), (1, 2), (1, 2, 3)]


def test_bursts_are_repeated_across() -> None:
    follower = Follower(Profile.BALANCED)
    assert follower.pass_time(1, LinkReading(loss=0.05, burst=3.0)).distances == (1, 2, 3)


def test_repeats_grow_at_once_and_shrink_late() -> None:
    follower = Follower(Profile.LOW_DELAY)
    follower.pass_time(0.5, LinkReading(loss=0.2))
    assert follower.pass_time(5, GOOD).distances == (1, 2, 3)
    assert follower.pass_time(6, GOOD).distances == (1, 2)
    assert follower.pass_time(11, GOOD).distances == (1,)


def test_the_saver_repeats_only_where_something_is_lost() -> None:
    follower = Follower(Profile.SAVER)
    assert follower.pass_time(1, GOOD).distances == ()
    assert follower.pass_time(1, LinkReading(loss=0.05)).distances == (1,)


def test_heavy_loss_that_fewer_packets_lessen_was_the_line_overflowing() -> None:
    follower = Follower()
    assert follower.pass_time(0.5, LinkReading(loss=0.4)).profile is Profile.SAVER
    assert follower.pass_time(20, LinkReading(loss=0.01)).profile is Profile.SAVER


def test_heavy_loss_that_fewer_packets_do_not_lessen_is_repeated_against() -> None:
    follower = Follower()
    plan = follower.pass_time(600, LinkReading(loss=0.4))
    assert plan.profile is Profile.BALANCED
    assert plan.distances == (1, 2, 3)
    assert follower.changes <= 12


def test_heavy_loss_in_runs_is_no_overflow_until_most_is_lost() -> None:
    follower = Follower()
    plan = follower.pass_time(60, LinkReading(loss=0.3, burst=3.0))
    assert (plan.profile, plan.distances) == (Profile.LOW_DELAY, (1, 2, 3))
    assert follower.pass_time(1, LinkReading(loss=0.6, burst=3.0)).profile is Profile.SAVER


def test_a_round_trip_in_which_a_ping_was_sent_again_tells_of_no_queue() -> None:
    follower = Follower()
    follower.pass_time(5, LinkReading(loss=0.15, burst=2.5, round_trip=0.05))
    slow = LinkReading(loss=0.15, burst=2.5, round_trip=1.5)
    assert follower.pass_time(20, slow).profile is Profile.LOW_DELAY
