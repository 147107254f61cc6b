"""How two ends find each other, as far as the engine needs to know.

Today there is one way: texts that people carry (manual.py). This is what it offers, no more; a
rendezvous that carries its texts by itself can grow beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from app.core.description import Description


@dataclass(frozen=True)
class Letter:
    """What came from the other side.

    `call_id` ties an answer to its offer, `name` is what the sender calls themselves (may be
    empty), `expires_at` is Unix time in seconds.
    """

    call_id: bytes
    description: Description
    name: str
    expires_at: int


class Rendezvous(Protocol):
    """Turns descriptions into texts to hand over, and back. Errors are `UndertoneError`s."""

    def invite(self, offer: Description, name: str) -> str:
        """The text to give to the one to be called."""

    def read_invite(self, text: str) -> Letter:
        """The invite in a text received."""

    def answer(self, invite: Letter, answer: Description, name: str) -> str:
        """The text to give back to the one who invited."""

    def read_answer(self, text: str) -> Letter:
        """The answer to our newest invite in a text received."""
