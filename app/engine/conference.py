"""One call, from its first invite to its end: who is in it, and the sound they share.

It lives on the network thread, as its lines do; the devices thread opens and closes the sound. With
the first peer that is connected the call stands, and with the last that leaves it is over; whoever
comes or goes between changes nothing for the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from app.core.control import ByeReason, CallMessage, Chat, ChatReceived, Mute
from app.core.errors import UndertoneError
from app.core.introductions import MOST_OTHERS, Apart, Present, Relay
from app.core.meter import Meter
from app.core.settings import Settings
from app.core.state import (
    Answering,
    CallReading,
    CallState,
    Connecting,
    Ended,
    Event,
    Notice,
    PeerChanged,
    PeerJoined,
    PeerLeft,
    PeerReading,
    StateChanged,
    Talking,
)
from app.engine.call import Call
from app.engine.call_sound import CallSound
from app.engine.changing import ModelChanges
from app.engine.chatting import Chatting
from app.engine.introducing import Introducing
from app.engine.line import Line
from app.engine.means import Means
from app.engine.model import OwnModel
from app.engine.relief import LOOK_SECONDS, Relief
from app.engine.signalling import Signalling

log = logging.getLogger(__name__)

S = TypeVar("S", bound=CallState)


class Conference:
    """Used for one call. All but `reading` and what says otherwise is for the network thread.

    `settings` are read when they are needed, so that what is chosen meanwhile holds.
    """

    def __init__(self, means: Means, settings: Callable[[], Settings]) -> None:
        self._means, self._settings = means, settings
        self._lines: dict[int, Line] = {}
        self._model: OwnModel | None = None
        self._meter: Meter | None = None
        self._left: list[PeerReading] = []
        self._last_reading: CallReading | None = None
        self._sound = CallSound(means, settings, self)
        self.signalling = Signalling(self, means, settings)
        self._introducing = Introducing(self, self.signalling)
        self._changes = ModelChanges(self, means.models, means.shelf, means.network, means.clock)
        self._relief: Relief | None = None
        self._chat = Chatting(self._tell, self._listen)
        self.is_over = False

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of those who are connected."""
        return tuple(line for line in tuple(self._lines.values()) if line.view is not None)

    @property
    def call(self) -> Call | None:
        """The call's sound, once it is open."""
        return self._sound.call

    @property
    def model(self) -> OwnModel | None:
        """The model that all speak, once two have agreed."""
        return self._model

    @property
    def room(self) -> int:
        """How many more can be connected to."""
        return MOST_OTHERS - len(self._lines)

    @property
    def state(self) -> CallState:
        """Where the call stands."""
        return self._means.session.state

    def reading(self) -> CallReading | None:
        """Every meter now; after the call, as it ended. None before the sound is open."""
        call = self._sound.call
        if call is not None and not self.is_over:
            peers = [reading for line in self.lines if (reading := line.reading()) is not None]
            if peers:
                self._last_reading = call.reading(self.total(), peers, tuple(self._left))
        return self._last_reading

    # What is told to all, or set for one

    def tell_mute(self) -> None:
        """Tell everybody whether they will hear anything."""
        for line in self.lines:
            line.tell(Mute(self._means.is_muted()))

    def tell_name(self) -> None:
        """Tell everybody the name of now."""
        for line in self._lines.values():
            line.rename(self._settings().name)

    def write(self, text: str) -> None:
        """Send a written message to everybody. Raises what `Chatting.write` does."""
        self._chat.write(self._settings().name, text, [line.id for line in self.lines])

    def set_volume(self, peer_id: int, volume: float) -> None:
        """Play a peer at this gain; of one who left, nothing."""
        if (line := self._lines.get(peer_id)) is not None:
            line.set_volume(volume)

    def set_silenced(self, peer_id: int, silenced: bool) -> None:
        """Do not play a peer, or play it again; of one who left, nothing."""
        if (line := self._lines.get(peer_id)) is not None:
            line.set_silenced(silenced)

    # What brings lines about (`Host` of `Signalling`)

    def add(self, line: Line) -> None:
        """A line to someone is begun."""
        self._lines[line.id] = line

    def has(self, line: Line) -> bool:
        """Whether a line is still wanted."""
        return line.id in self._lines

    # What a line tells (`Exchange`)

    def connecting(self, line: Line) -> None:
        """A peer is being connected to."""
        if isinstance(self.state, Answering) and line.id in self._lines:
            self.go(Connecting())

    def connected(self, line: Line) -> None:
        """A peer is there. The sound opens when the first two have agreed on a model."""
        if line.id not in self._lines or line.view is None:
            return
        if not isinstance(self.state, Talking):
            self.go(Talking(self._means.clock()))
        self._listen(PeerJoined(line.view))
        if self._means.is_muted():
            line.tell(Mute(True))

    def agreed(self, line: Line, model: OwnModel) -> None:
        """A peer has this model: load it if need be, and open the sound; or let the peer in."""
        if line.id not in self._lines:
            return
        if self._model is None:
            self._model = model
            if model.name != self._means.models.chosen:
                words = f"This call uses the model {model.title}, which both sides have."
                self.say(Notice("info", words))
            self._sound.begin(model)
        else:
            self._sound.let_in(line)
            line.offer(self.signalling.offered(self._model))  # Who was invited knows of one only.
            self._changes.joined(line)
        self._introducing.agreed(line)

    def peer_changed(self, line: Line) -> None:
        """More is known of a peer."""
        if line.id in self._lines and line.view is not None:
            self._listen(PeerChanged(line.view))

    def told(self, line: Line, message: CallMessage) -> None:
        """A message that concerns more than its line."""
        if line.id not in self._lines:
            return
        match message:
            case Present() | Relay() | Apart():
                if line.model is not None:  # Else it is not in the call yet.
                    self._introducing.told(line, message)
            case Chat() | ChatReceived():
                self._chat.take(line.id, line.who, message)
            case _:
                self._changes.told(line, message)

    def back(self, line: Line) -> None:
        """A peer that did not answer does again: it may have missed what was written."""
        self._chat.back(line.id)

    # The model, while the call stands

    def change_model(self, name: str) -> None:
        """Ask everybody to go on with this model. Raises what ModelChanges.wish raises."""
        self._changes.wish(name)

    def speaks(self, model: OwnModel) -> None:
        """All speak this model from now on."""
        self._model = model
        for line in tuple(self._lines.values()):
            if line.view is None:
                line.offer((model,))  # Who comes by an invite of before speaks it too.
            else:
                line.speaks(model)
        if self._relief is not None:
            self._relief.changed()

    async def _watch(self, call: Call) -> None:
        """Keep the call from stuttering on a machine that is too busy."""
        models = self._means.models
        self._relief = Relief(
            self._means.clock,
            call,
            lighter=lambda: models.lighter(call.codec, self._changes.everybody_has),
            change=self._lighten,
            say=self.say,
        )
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self.is_over:
                return
            try:
                self._relief.look()
            except Exception:  # To watch is not worth a call.
                log.exception("A look at the machine failed")

    def _lighten(self, model: OwnModel) -> None:
        try:
            self._changes.wish(model.name)
        except UndertoneError as error:
            self.say(Notice("warning", f"The lighter model cannot be used now: {error}"))

    def over(self, line: Line, reason: str, *, failed: bool, bye: ByeReason) -> None:
        """A line ended, never came about, or makes no sense; `bye` if it still stands."""
        if line.id not in self._lines:
            return
        if len(self._lines) == 1 or self.lines == (line,):
            self._sound.farewell()
            self._end(reason, failed=failed, bye=bye)
            return
        self.forget(line)
        if line.view is not None:
            self._listen(PeerLeft(line.view, reason))
            self._introducing.lost(line, said_bye=not failed)
        elif not self._introducing.failed(line, reason):
            self.say(Notice("warning", f"The one who was invited could not join: {reason}"))
        self.close_line(line, bye)

    def say(self, notice: Notice) -> None:
        """Something a person should know. Any thread may call."""
        log.log(logging.INFO if notice.severity == "info" else logging.WARNING, notice.text)
        self._listen(notice)

    # The end

    async def leave(self, reason: str, bye: ByeReason = ByeReason.HUNG_UP) -> None:
        """End the call, telling everybody."""
        lines = tuple(self._lines.values())
        self._end(reason, failed=False, bye=bye)
        await asyncio.gather(*(line.peer.close(bye) for line in lines))

    def _end(self, reason: str, *, failed: bool, bye: ByeReason) -> None:
        if self.is_over:
            return
        self.reading()
        lines = tuple(self._lines.values())
        for line in lines:
            self._chat.left(line.id)
        self.is_over = True
        self._lines.clear()
        self._means.session.go(state := Ended(reason, failed))
        self._sound.end()
        self._listen(StateChanged(state))
        for line in lines:
            self.close_line(line, bye)

    def forget(self, line: Line) -> None:
        """Take a line out of the call, which goes on."""
        if (reading := line.reading()) is not None:
            self._left.append(reading)
        del self._lines[line.id]
        self._sound.let_out(line)
        self._chat.left(line.id)
        self._changes.left(line)
        self.signalling.forgotten(line)

    def close_line(self, line: Line, bye: ByeReason) -> None:
        """Take a line's connection down."""
        self._means.network.submit(line.peer.close(bye))

    # What the sound tells

    def opened(self, call: Call) -> None:
        """The sound is open."""
        self.spawn(self._watch(call))

    def loading(self, title: str) -> None:
        """The model of this name is being loaded; "": it is loaded."""
        self.talking(loading=title)

    def give_up(self, reason: str) -> None:
        """The call cannot go on, or cannot even be prepared."""
        self._end(reason, failed=True, bye=ByeReason.OTHER)

    # Small parts

    def spawn(self, work: Coroutine[Any, Any, object]) -> None:
        """Do what takes a while and whose end nobody waits for."""
        self._means.network.submit(_logged(work))

    def total(self) -> Meter:
        """Counts what all lines do, from the first that is connected: set-up costs no call."""
        if self._meter is None:
            self._meter = Meter(self._means.clock)
        return self._meter

    def go(self, state: S) -> S:
        """Enter a state of the call, and tell of it."""
        if self.is_over:
            raise asyncio.CancelledError
        self._means.session.go(state)
        self._listen(StateChanged(state))
        return state

    def talking(self, **changes: object) -> None:
        """Change what is said of the call that stands."""
        state = self.state
        if not self.is_over and isinstance(state, Talking):
            changed = replace(state, **changes)  # type: ignore[arg-type]
            if changed != state:
                self.go(changed)

    def _tell(self, peer_id: int, message: CallMessage) -> None:
        if (line := self._lines.get(peer_id)) is not None:
            line.tell(message)

    def _listen(self, event: Event) -> None:
        self._means.listen(event)


async def _logged(work: Coroutine[Any, Any, object]) -> None:
    """What nobody waits for fails unseen but for this."""
    try:
        await work
    except UndertoneError as error:
        log.info("What was begun for the call came to nothing: %s", error)
    except Exception:
        log.exception("What was begun for the call failed")
