"""The root of every error Undertone shows to a person."""

from __future__ import annotations


class UndertoneError(Exception):
    """Something went wrong in Undertone.

    The first line of a subclass's docstring is the sentence a person reads when the error is
    raised without words of its own: what happened, and what to do about it.
    """

    def __str__(self) -> str:
        said = super().__str__()
        return said or (type(self).__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " ")


class Stopped(UndertoneError):
    """The work was stopped, as the person wished."""
