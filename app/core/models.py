"""Which codec models an end has, on which one two ends agree, and what a front end shows of them.

A model is told apart by its kind (`model_id`, as in packets) and its digest, which tells one model
of a kind from another trained apart; 0 is a digest that is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MAX_OFFERS = 15
"""Models an end offers at most: enough for every one published, at every rate."""


@dataclass(frozen=True)
class ModelOffer:
    """A model this end could speak with."""

    model_id: int
    digest: int = 0

    def fits(self, other: ModelOffer) -> bool:
        """Whether both are the same model, as far as is known."""
        known = self.digest and other.digest
        return self.model_id == other.model_id and (not known or self.digest == other.digest)


def agree(caller: Sequence[ModelOffer], callee: Sequence[ModelOffer]) -> tuple[int, int] | None:
    """The model both ends take: its place in the caller's list and in the callee's.

    It is the first of the caller's that the callee has too. Both ends know both lists, so both
    come to the same without another word. None when they have none in common.
    """
    for ours, offer in enumerate(caller):
        for theirs, other in enumerate(callee):
            if offer.fits(other):
                return ours, theirs
    return None


@dataclass(frozen=True)
class Quality:
    """How well speech survives a model, as `source` says: each the mean over a test set.

    `utmos` is naturalness from 1 to 5, None where nobody measured it; `dwer` the share of words a
    recogniser hears otherwise than in the original; `similarity` that of the voice to the original;
    both from 0 to 1.
    """

    utmos: float | None
    dwer: float
    similarity: float
    source: str


@dataclass(frozen=True)
class ModelView:
    """A model as a person sees it, on disk or not.

    `kind` says where it is from: in the program, published for all, or added by the person.
    `octets` is what it takes on disk, or will take (then as `octets_exact` says: to the byte, or
    about). `partial` counts the bytes of a download that broke off. `revision` is the published
    commit it is from or has to be from, "" when not known. `digest` is 0 until it was loaded once.
    `problem` says why a model on disk cannot be used, "" when it can.
    """

    name: str
    title: str
    kind: Literal["bundled", "published", "imported"]
    kbit: float
    octets: int
    licence: str
    quality: Quality | None = None
    on_disk: bool = False
    octets_exact: bool = True
    partial: int = 0
    revision: str = ""
    digest: int = 0
    problem: str = ""

    @property
    def removable(self) -> bool:
        """Whether there is something to remove, that may be."""
        return self.kind != "bundled" and (self.on_disk or self.partial > 0)


@dataclass(frozen=True)
class ModelProgress:
    """How far the work on a model is.

    `done` and `total` are bytes, `speed` bytes a second of late (None while not known). `waiting`
    is how many seconds pass until the server is asked again, 0 while it is not waited for.
    """

    name: str
    step: Literal["asking", "downloading", "copying", "checking", "loading", "preparing"]
    done: int = 0
    total: int = 0
    speed: float | None = None
    waiting: float = 0.0
