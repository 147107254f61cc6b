"""A change of model in a call that stands: who has it loaded, and when to begin to speak it.

    one end wishes → every end loads it and says so to all → each speaks it once all it hears of can

Packets name their model, so each end changes at a chunk of its own and follows the others packet by
packet. An end that cannot says so, and all go on as they were.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from app.core.models import ModelOffer


@dataclass(frozen=True)
class ModelChange:
    """The model to change to, whether this end has it loaded, and the ids of peers that have."""

    offer: ModelOffer
    loaded: bool = False
    ready: frozenset[int] = frozenset()

    def with_own(self) -> ModelChange:
        """This end can hear it now."""
        return replace(self, loaded=True)

    def with_peer(self, peer: int) -> ModelChange:
        """A peer can hear it now."""
        return replace(self, ready=self.ready | {peer})

    def is_due(self, peers: Collection[int]) -> bool:
        """Whether to speak it from now on, with these peers in the call."""
        return self.loaded and self.ready.issuperset(peers)
