"""What to do, step by step, when the machine is too busy for a call: better later than stuttering.

    as chosen → larger pieces → fewer threads → a lighter model → told that nothing more helps

Each step is given time to show what it brings before the next. The first two are taken back once
the machine has kept up for long; a lighter model is not, since nothing tells what the heavier one
would take.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from app.core.meter import Clock


class Step(enum.IntEnum):
    """How far speech gives way to a busy machine."""

    NONE = 0
    LARGER_PIECES = 1
    FEWER_THREADS = 2
    LIGHTER_MODEL = 3
    NOTHING_LEFT = 4


@dataclass(frozen=True)
class Strain:
    """How the machine keeps up, of late.

    `encode` is the time to encode a chunk over the chunk's own, `decode` the same of all that is
    decoded: at 1 there is none left. `behind` is how many seconds of the microphone lie unread.
    `underruns` counts since the start how often the loudspeaker had nothing to play, for which the
    network may be to blame as well.
    """

    encode: float = 0.0
    decode: float = 0.0
    behind: float = 0.0
    underruns: int = 0

    @property
    def load(self) -> float:
        """Of the busier of the two directions, each of which has a thread."""
        return max(self.encode, self.decode)


@dataclass(frozen=True)
class Remedies:
    """What could still be done: the `threads` of the model now, and the name of a `lighter` model
    that everybody in the call has, "" where there is none."""

    threads: int = 1
    lighter: str = ""


@dataclass(frozen=True)
class Given:
    """The step in force from now on, one more or one less, and the sentence that tells of it."""

    step: Step
    words: str


@dataclass(frozen=True)
class Patience:
    """Times in seconds: `strained` before a step, `settling` after one, `calm` before one is taken
    back; twice as long, up to `longest`, for each that was."""

    strained: float = 3.0
    settling: float = 5.0
    calm: float = 60.0
    longest: float = 600.0


STRAINED, HOPELESS, EASY = 0.9, 1.0, 0.6
"""Loads from which steps are taken; from which later and larger pieces cannot help; and below which
a step may be taken back."""

SUSPECT = 0.5
"""A load from which what is late is laid to the machine, not to the network or the devices."""

FAR_BEHIND = 0.16
"""Seconds of the microphone unread: two chunks."""

_TAKEN = {
    Step.LARGER_PIECES: "This computer is busy: speech goes in larger pieces now and comes a "
    "little later, so that it does not stutter.",
    Step.FEWER_THREADS: "This computer is still too busy: the model now gets fewer of its cores, "
    "so that they need not wait for one another.",
    Step.LIGHTER_MODEL: "This computer is too busy for the model of this call: it goes on with "
    "the model {lighter}, which is lighter.",
    Step.NOTHING_LEFT: "This computer is too busy for this call, and there is no lighter model "
    "that both sides have. Close other programs, or speech will stutter.",
}
_TAKEN_BACK = {
    Step.LARGER_PIECES: "This computer keeps up again: speech goes in smaller pieces as before.",
    Step.FEWER_THREADS: "This computer keeps up again: the model has its cores back.",
    Step.NOTHING_LEFT: "This computer keeps up again.",
}


@dataclass(frozen=True)
class _State:
    step: Step
    since: float
    strained_since: float | None = None
    calm_since: float | None = None
    underruns: int = 0
    before: tuple[Step, ...] = ()
    """The steps to go back to, the last first."""


class Overload:
    """Turns looks at the machine, one or two a second, into steps. Not for several threads."""

    def __init__(self, clock: Clock, patience: Patience | None = None) -> None:
        self._clock, self._patience = clock, patience or Patience()
        self._state = _State(Step.NONE, clock())
        self._calm = self._patience.calm

    @property
    def step(self) -> Step:
        """The step in force."""
        return self._state.step

    def see(self, strain: Strain, remedies: Remedies) -> Given | None:
        """Take a look; the step that follows, if one does."""
        now, state = self._clock(), self._state
        late = strain.behind > FAR_BEHIND or strain.underruns > state.underruns
        strained = strain.load > STRAINED or (late and strain.load > SUSPECT)
        calm = strain.load < EASY and not strained
        strained_since = state.strained_since if not calm else None
        if strained and strained_since is None:
            strained_since = now
        calm_since = None if not calm else now if state.calm_since is None else state.calm_since
        self._state = replace(
            state,
            underruns=strain.underruns,
            strained_since=strained_since,
            calm_since=calm_since,
        )
        if now - state.since < self._patience.settling:
            return None
        if strained and strained_since is not None:
            if now - strained_since >= self._patience.strained:
                return self._give_way(strain, remedies, now)
        elif calm_since is not None and now - calm_since >= self._calm:
            return self._take_back(now)
        return None

    def begin_anew(self) -> None:
        """Forget the strain: the call has another model now. Pieces stay as large as they are."""
        kept = Step.LARGER_PIECES if Step.LARGER_PIECES in self._path() else Step.NONE
        before = (Step.NONE,) if kept is not Step.NONE else ()
        self._state = _State(kept, self._clock(), underruns=self._state.underruns, before=before)

    def _path(self) -> tuple[Step, ...]:
        return (self._state.step, *self._state.before)

    def _give_way(self, strain: Strain, remedies: Remedies, now: float) -> Given | None:
        step = _next(self._state.step, strain, remedies)
        if step is None:
            return None
        self._state = _State(step, now, underruns=strain.underruns, before=self._path())
        return Given(step, _TAKEN[step].format(lighter=remedies.lighter))

    def _take_back(self, now: float) -> Given | None:
        state = self._state
        if state.step not in _TAKEN_BACK:
            return None
        step, *before = state.before
        self._calm = min(2 * self._calm, self._patience.longest)
        self._state = _State(step, now, underruns=state.underruns, before=tuple(before))
        return Given(step, _TAKEN_BACK[state.step])


def _next(step: Step, strain: Strain, remedies: Remedies) -> Step | None:
    possible = [Step.LARGER_PIECES]
    if remedies.threads > 1:
        possible.append(Step.FEWER_THREADS)
    if remedies.lighter:
        possible.append(Step.LIGHTER_MODEL)
        if strain.load >= HOPELESS:
            possible = [Step.LIGHTER_MODEL]
    possible.append(Step.NOTHING_LEFT)
    return next((each for each in possible if each > step), None)
