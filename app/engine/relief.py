"""What keeps a call from stuttering on a machine that is too busy (`core/overload.py`)."""

from __future__ import annotations

from collections.abc import Callable

from app.core.meter import Clock
from app.core.overload import SUSPECT, Overload, Remedies, Step
from app.core.state import Notice
from app.engine.call import Call
from app.engine.model import OwnModel
from app.engine.sound import Say

LOOK_SECONDS = 1.0
"""How often to look."""


class Relief:
    """Looks at a call now and then, and lets it give way step by step.

    `lighter` names a model that all have and that takes less; `change` asks for it.
    """

    def __init__(
        self,
        clock: Clock,
        call: Call,
        *,
        lighter: Callable[[], OwnModel | None],
        change: Callable[[OwnModel], None],
        say: Say,
    ) -> None:
        self._call, self._lighter, self._change, self._say = call, lighter, change, say
        self._overload = Overload(clock)

    def look(self) -> None:
        """See how the machine keeps up, and do what follows."""
        strain = self._call.strain()
        # Which models are lighter is known from files: nothing to read while all is well.
        lighter = self._lighter() if strain.load > SUSPECT else None
        remedies = Remedies(self._call.threads, lighter.title if lighter else "")
        given = self._overload.see(strain, remedies)
        if given is None:
            return
        self._say(Notice("info" if given.step is Step.NONE else "warning", given.words))
        self._call.give_way(given.step)
        if given.step is Step.LIGHTER_MODEL and lighter is not None:
            self._change(lighter)

    def changed(self) -> None:
        """The call has another model now."""
        self._overload.begin_anew()
        self._call.give_way(self._overload.step)
