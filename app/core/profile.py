"""How packets are filled: three profiles, and the policy that chooses among them by itself.

A profile is how many chunks go into a packet: few, and speech is early; many, and the headers,
which are nine tenths of the bytes, are shared. Beside that a plan says which earlier chunks are
repeated, more of them the more the other end says it loses. So a profile answers for delay against
bytes and the repeats for loss, and neither stops the speech: a plan may change with any packet.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from app.core.meter import Clock


class Profile(enum.Enum):
    """What matters most."""

    LOW_DELAY = "low delay"
    BALANCED = "balanced"
    SAVER = "saver"


AUTO = "auto"
"""The name of the choice to let the line decide."""

PROFILE_NAMES = (AUTO, *(profile.value for profile in Profile))


def profile_named(name: str) -> Profile | None:
    """The profile a person chose by name; None for AUTO, and for a name nobody knows."""
    return Profile(name) if name in (profile.value for profile in Profile) else None


@dataclass(frozen=True)
class Plan:
    """How to fill packets: `new` chunks in each, those at `distances` repeated (`VoicePacket`).

    `lean` asks for the lowest rate the model has.
    """

    profile: Profile
    new: int
    distances: tuple[int, ...]
    lean: bool = False


_CHUNKS = {Profile.LOW_DELAY: 1, Profile.BALANCED: 2, Profile.SAVER: 4}

_REPEATS: dict[Profile, tuple[tuple[int, ...], ...]] = {
    Profile.LOW_DELAY: ((1,), (1, 2), (1, 2, 3)),
    Profile.BALANCED: ((1,), (1, 2), (1, 2, 3)),
    Profile.SAVER: ((), (1,), (1, 2)),
}
"""Distances for no loss to speak of, some, and much or bursts.

At random loss p, k repeats leave p ** (k + 1); a burst of k packets is whole again after the next.
"""


def plan_of(profile: Profile, level: int = 0) -> Plan:
    """How a profile fills packets; the higher `level`, 0 to 2, the more it repeats."""
    distances = _REPEATS[profile][level]
    return Plan(profile, _CHUNKS[profile], distances, lean=profile is Profile.SAVER)


def profile_of(chunks: int) -> Profile:
    """The profile whose packets have so many new chunks, or the next larger one."""
    return next((each for each, n in _CHUNKS.items() if n >= chunks), Profile.SAVER)


SOME_LOSS, MUCH_LOSS = 0.03, 0.12
"""Shares of packets lost from which the repeats grow."""

BURSTS = 1.7
"""Mean length of a run of lost packets from which loss counts as bursts (1.1 at random 10 %)."""

HEAVY_LOSS = 0.2
"""Loss so high that it may be the line overflowing: fewer packets are tried.

A line that overflows loses single packets out of so even a stream, until it loses most of them.
Runs of them are lost by radio that fades, and are mended best by repeats that are soon there.
"""

MOST_LOSS = 0.5
"""Loss so high that overflow too comes in runs."""

QUEUE_SECONDS = 0.25
"""Packets that stand so long in a queue on their way tell that the line is narrower than sent."""

ROUND_TRIP_GROWTH = 0.6
BACKLOG_BYTES = 400
LONG_ROUND_TRIP = 0.5
"""A round trip from which one chunk more is no great part of the delay, in seconds."""


@dataclass(frozen=True)
class LinkReading:
    """What is known of the way to the other end.

    `loss` is the share of packets lost (0 to 1) and `burst` the mean length of runs of them, as the
    other end reports; `queue` how many seconds its packets come later than the fastest did.
    `round_trip` is in seconds, None before it is known; `backlog` are bytes waiting to leave here.
    """

    loss: float = 0.0
    burst: float = 1.0
    queue: float = 0.0
    round_trip: float | None = None
    backlog: int = 0


@dataclass(frozen=True)
class PolicySettings:
    """How quickly the policy changes its mind. Times in seconds.

    `calm`: how long all must be well before the next costlier profile is tried; `relapse`: a line
    that overflows so soon after makes the next try of that profile wait `patience` times as long,
    up to `longest`.
    `trial`: how long fewer packets are given to help against heavy loss; `no_trial`: how long that
    is not tried again where it did not. `ease`: how long loss is low before repeats shrink.
    """

    calm: float = 30.0
    relapse: float = 60.0
    patience: float = 3.0
    longest: float = 600.0
    trial: float = 8.0
    no_trial: float = 120.0
    ease: float = 10.0


class ProfilePolicy:
    """Turns readings into plans. Not for several threads at once without a lock."""

    def __init__(
        self,
        clock: Clock,
        chosen: Profile | None = None,
        settings: PolicySettings | None = None,
    ) -> None:
        self._clock = clock
        self._settings = settings or PolicySettings()
        now = clock()
        self._profile = Profile.LOW_DELAY
        self._chosen = chosen
        self._repeats = _Repeats(clock, self._settings.ease)
        self._shortest_trip: float | None = None
        self._waits = dict.fromkeys(Profile, self._settings.calm)
        self._calm_since = self._climbed_at = now
        self._trial: tuple[float, float] | None = None
        self._no_trial_before = now
        self.spares = False
        """Whether this machine should send fewer packets, where a person did not choose."""

    @property
    def chosen(self) -> Profile | None:
        """The profile chosen by hand; None when the line decides."""
        return self._chosen

    def choose(self, profile: Profile | None) -> None:
        """Take this profile; None lets the line decide, from where it stands."""
        if profile is None and self._chosen is not None:
            self._profile, self._calm_since = self._chosen, self._clock()
        self._chosen = profile

    def decide(self, reading: LinkReading) -> Plan:
        """The plan for now. Called again and again, a few times a second or less."""
        self._repeats.see(reading)
        if self._chosen is None:
            self._follow(reading)
        profile = self._chosen or self._profile
        if self.spares and self._chosen is None and profile is Profile.LOW_DELAY:
            profile = Profile.BALANCED
        return plan_of(profile, self._repeats.level)

    def _follow(self, reading: LinkReading) -> None:
        now = self._clock()
        congested = self._is_congested(reading)
        if congested or reading.loss >= SOME_LOSS:
            self._calm_since = now
        if congested and self._profile is not Profile.SAVER:
            self._fall(now)
        elif self._trial is not None:
            self._judge_trial(reading, now)
        elif self._may_overflow(reading) and self._may_try(now):
            self._trial = now, reading.loss
            self._fall(now)
        elif (dearer := self._dearer()) and now - self._calm_since >= self._waits[dearer]:
            self._profile, self._calm_since, self._climbed_at = dearer, now, now

    def _is_congested(self, reading: LinkReading) -> bool:
        trip = reading.round_trip
        if trip is not None:
            self._shortest_trip = min(trip, self._shortest_trip or trip)
        # Where packets are lost a ping may have been sent again, and its time says nothing.
        tells = trip is not None and reading.loss < SOME_LOSS
        grown = tells and (trip or 0.0) - (self._shortest_trip or 0.0) >= ROUND_TRIP_GROWTH
        return grown or reading.queue >= QUEUE_SECONDS or reading.backlog >= BACKLOG_BYTES

    def _may_overflow(self, reading: LinkReading) -> bool:
        scattered = reading.burst < BURSTS or reading.loss >= MOST_LOSS
        return reading.loss >= HEAVY_LOSS and scattered

    def _may_try(self, now: float) -> bool:
        return self._profile is not Profile.SAVER and now >= self._no_trial_before

    def _fall(self, now: float) -> None:
        """To the thriftiest at once: on a line that overflows every packet makes it worse."""
        relapsed = now - self._climbed_at < self._settings.relapse
        longer = min(self._waits[self._profile] * self._settings.patience, self._settings.longest)
        self._waits[self._profile] = longer if relapsed else self._settings.calm
        self._profile, self._calm_since = Profile.SAVER, now

    def _judge_trial(self, reading: LinkReading, now: float) -> None:
        """Loss that fewer packets do not lessen is the line's own: better repeat more, sooner."""
        assert self._trial is not None
        since, before = self._trial
        if now - since < self._settings.trial:
            return
        self._trial = None
        if reading.loss > before / 2:
            self._profile, self._calm_since = Profile.BALANCED, now
            self._no_trial_before = now + self._settings.no_trial

    def _dearer(self) -> Profile | None:
        """The next costlier profile worth trying, if there is one."""
        if self._profile is Profile.SAVER:
            return Profile.BALANCED
        far = (self._shortest_trip or 0.0) >= LONG_ROUND_TRIP
        return Profile.LOW_DELAY if self._profile is Profile.BALANCED and not far else None


class _Repeats:
    """How much to repeat: more at once when loss grows, less only when it has long been low."""

    def __init__(self, clock: Clock, ease: float) -> None:
        self._clock, self._ease = clock, ease
        self._high_at = clock()
        self.level = 0

    def see(self, reading: LinkReading) -> None:
        now = self._clock()
        wanted = _level(reading.loss, reading.burst)
        # A level ends well below the loss it starts at, so that none flickers.
        if max(wanted, _level(1.5 * reading.loss, reading.burst)) >= self.level:
            self._high_at = now
        if wanted > self.level:
            self.level = wanted
        elif now - self._high_at >= self._ease:
            self.level, self._high_at = self.level - 1, now


def _level(loss: float, burst: float) -> int:
    if loss < SOME_LOSS:
        return 0
    return 2 if loss >= MUCH_LOSS or burst >= BURSTS else 1
