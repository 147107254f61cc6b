"""A call's sound as its lines command it: opened, shared and closed on the devices thread.

What is submitted to that thread is done in order, so that nobody is let into a sound that is not
open yet, or out of one that is closed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from app.core.cues import Cue
from app.core.profile import profile_named
from app.core.settings import Settings
from app.core.state import InputEnded, Notice
from app.engine.call import Call
from app.engine.line import Line
from app.engine.means import Means
from app.engine.model import OwnModel
from codec.model.codec import Codec

_HEARD_SECONDS = 0.15
"""What is played is heard so much later, with most loudspeakers."""

log = logging.getLogger(__name__)


class Owner(Protocol):
    """Whose sound it is. All but `lines` and `say` is called on the network thread."""

    is_over: bool

    @property
    def lines(self) -> tuple[Line, ...]: ...

    def opened(self, call: Call) -> None: ...

    def loading(self, title: str) -> None: ...

    def give_up(self, reason: str) -> None: ...

    def say(self, notice: Notice) -> None: ...


class CallSound:
    """Used for one call."""

    def __init__(self, means: Means, settings: Callable[[], Settings], owner: Owner) -> None:
        self._means, self._settings, self._owner = means, settings, owner
        self.call: Call | None = None
        """The sound, while it is open."""

    def begin(self, model: OwnModel) -> None:
        """Load the model if need be, then open the devices and begin to speak and listen."""
        if (codec := self._means.models.at_hand(model.name)) is not None:
            self._means.devices.submit(self._open, codec)
        else:
            self._owner.loading(model.title)
            self._means.shelf.submit(self._load, model)

    def let_in(self, line: Line) -> None:
        """Let one more be heard and hear."""
        self._means.devices.submit(self._let_in, line)

    def let_out(self, line: Line) -> None:
        """Let one who left be heard no more."""
        self._means.devices.submit(self._let_out, line)

    def farewell(self) -> None:
        """Let it be heard that the last other left, before the sound ends."""
        self._means.devices.submit(self._farewell)

    def end(self) -> None:
        """Stop speaking and listening and let go of the devices."""
        self._means.devices.submit(self._close)

    # On the shelf's thread

    def _load(self, model: OwnModel) -> None:
        if self._owner.is_over:
            return  # Hung up before its turn came.
        try:
            codec = self._means.models.load(model.name)
            if (words := self._means.models.too_slow(model.name)) is not None:
                self._owner.say(Notice("warning", words))
        except Exception as error:
            log.exception("The model of the call could not be loaded")
            self._means.network.call_soon(self._owner.give_up, str(error))
            return
        self._means.network.call_soon(self._owner.loading, "")
        self._means.devices.submit(self._open, codec)

    # On the devices thread

    def _open(self, codec: Codec) -> None:
        if self._owner.is_over:
            return
        try:
            call = Call(
                codec,
                self._means.backend,
                self._settings(),
                is_muted=self._means.is_muted,
                clock=self._means.clock,
                say=self._owner.say,
                on_input_end=lambda: self._means.listen(InputEnded()),
            )
            self.call = call
            call.choose_profile(profile_named(self._settings().profile))  # Or meanwhile.
            for line in self._owner.lines:  # Before anything is read of a file that is spoken.
                self._let_in(line)
            call.start()
            self._means.network.call_soon(self._owner.opened, call)
            self._means.cue(Cue.JOINED)  # It could not be heard when they joined.
        except Exception as error:
            log.exception("The call's sound could not be started")
            self._owner.say(Notice("error", f"The call has no sound: {error}"))

    def _let_in(self, line: Line) -> None:
        call, meter = self.call, line.meter
        if call is None or line.model is None or meter is None or line.part is not None:
            return  # Where the sound is not open yet, that will let everybody in.
        if line not in self._owner.lines:
            return
        try:
            part = call.add(
                send_voice=lambda data: self._means.network.call_soon(line.send_voice, data),
                backlog=lambda: line.peer.voice_backlog,
                meter=meter,
            )
            line.take_part(call, part)
        except Exception as error:  # The others are to be heard all the same.
            log.exception("A peer could not be let into the call's sound")
            words = f"{line.who} and you do not hear each other: {error}"
            self._owner.say(Notice("error", words))

    def _let_out(self, line: Line) -> None:
        if self.call is not None and line.part is not None:
            self.call.remove(line.part)

    def _farewell(self) -> None:
        if seconds := self._means.cue(Cue.LEFT):
            time.sleep(seconds + _HEARD_SECONDS)

    def _close(self) -> None:
        call, self.call = self.call, None
        if call is not None:
            call.stop()
