"""What a jitter buffer is told and what it gives: settings, answers to a pull, a look inside."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.packet import Codes

CHUNK_SECONDS = 0.08


SWIFT, SAFE = 0.985, 1.0
"""Quantiles of lateness to wait for: where delay matters most, and where whole speech does."""


@dataclass(frozen=True)
class JitterSettings:
    """How the buffer weighs delay against loss. Times in seconds, lengths in chunks."""

    min_target: float = 0.02
    max_target: float = 0.64
    quantile: float = SWIFT
    history: int = 400
    settle: int = 25
    gone: float = 0.1
    stale: float = 0.4
    max_conceal: int = 3
    max_chunks: int = 256
    restart_jump: int = 250
    restart_run: int = 5


@dataclass(frozen=True)
class Chunk:
    """Play these codes, of the rate `model_id` names.

    `waited` is how many seconds they lay in the buffer. `excess` is how many seconds later than
    the target they are played; below 0, sooner.
    """

    sequence: int
    codes: Codes
    waited: float
    model_id: int = 0
    excess: float = 0.0


@dataclass(frozen=True)
class Lost:
    """This chunk was due and is not there: play something in its place."""

    sequence: int


@dataclass(frozen=True)
class NotStarted:
    """Nothing came yet."""


@dataclass(frozen=True)
class Waiting:
    """The next chunk is worth waiting for, at least `seconds` more. Ask again."""

    seconds: float


@dataclass(frozen=True)
class Silence:
    """The other end is silent and said so. Speech may begin in `seconds`; None: none is here."""

    seconds: float | None = None


@dataclass(frozen=True)
class Dry:
    """The other end went quiet: nothing came for longer than is worth concealing."""


Nothing = NotStarted | Waiting | Silence | Dry
Pulled = Chunk | Lost | Nothing


@dataclass(frozen=True)
class JitterStats:
    """A look at the buffer. Counts are chunks since its start.

    `lost` were due and concealed, or never came while the buffer was dry; silence is neither
    played nor lost. `late` came after their turn; `dropped` were thrown away to win back delay;
    `duplicate` came twice. `target` and `delay` are the delay aimed at and the one in force,
    `jitter` the spread the network shows; in seconds.
    """

    received: int = 0
    played: int = 0
    lost: int = 0
    late: int = 0
    duplicate: int = 0
    dropped: int = 0
    restarts: int = 0
    depth: int = 0
    target: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0

    @property
    def loss(self) -> float:
        """The share of chunks due that had to be concealed, 0 to 1."""
        return self.lost / (self.lost + self.played) if self.lost else 0.0
