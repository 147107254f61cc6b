"""Whose chunks are decoded in one pass: it reads a model's weights once, whoever they are for."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

EARLY_SECONDS = 0.04
"""So much sooner than it has to be may a chunk be decoded, to be so with another's: half a chunk,
so that two passes in each serve any number of peers, however they are out of step."""


@dataclass(frozen=True)
class Next:
    """The next chunk of a peer who has `ahead` seconds of sound before it.

    `model` is what it was made with, at which rate; None where the chunk is not here yet.
    """

    ahead: float
    model: Hashable | None


def joining(due: Sequence[Next], others: Sequence[Next], lead: float) -> list[int]:
    """Which of the others (by place) are to be decoded with chunks that are due now.

    `lead` is how much sound is ahead when a chunk falls due. Nobody is waited for: only what is
    here already joins. And nobody keeps another waiting: one who has less than half the lead left
    is late, and the pass is to be short.
    """
    if min((each.ahead for each in due), default=0.0) < lead / 2:
        return []
    models, reach = {each.model for each in due}, lead + EARLY_SECONDS
    return [at for at, each in enumerate(others) if each.model in models and each.ahead < reach]
