"""A change of the model in a call that stands, as its ends agree on it (`core/model_change.py`)."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from app.core.allowance import Allowance
from app.core.control import CallMessage, ModelReady, ModelWish
from app.core.errors import UndertoneError
from app.core.meter import Clock
from app.core.model_change import ModelChange
from app.core.models import ModelOffer
from app.core.session import CallNotReady
from app.core.state import Notice
from app.engine.call import Call
from app.engine.line import Line
from app.engine.model import Models, OwnModel
from app.engine.shelf import Shelf
from app.net.network_thread import NetworkThread
from codec.model.codec import Codec

log = logging.getLogger(__name__)


class NotEverybodyHasIt(UndertoneError):
    """Not everybody in the call has this model."""


class ModelNotHere(UndertoneError):
    """This model is not on this computer."""


class ChangeUnderWay(UndertoneError):
    """The call is about to change to another model. Try again in a moment."""


PATIENCE = 120.0
"""Seconds for all to have loaded a model: some gigabyte from a slow disk."""

_AT_ONCE, _PER_SECOND = 4, 0.1
"""Changes that others may ask for: nobody is to be kept loading models."""


class Sharing(Protocol):
    """The call whose model it is."""

    is_over: bool

    @property
    def lines(self) -> tuple[Line, ...]: ...

    @property
    def call(self) -> Call | None: ...

    @property
    def model(self) -> OwnModel | None:
        """The model that all speak."""
        ...

    def say(self, notice: Notice) -> None: ...

    def speaks(self, model: OwnModel) -> None:
        """All speak this model from now on."""
        ...


class ModelChanges:
    """One change at a time. All is for the network thread, but what loads."""

    def __init__(
        self, sharing: Sharing, models: Models, shelf: Shelf, network: NetworkThread, clock: Clock
    ) -> None:
        self._sharing, self._models, self._shelf = sharing, models, shelf
        self._network = network
        self._change: ModelChange | None = None
        self._own: OwnModel | None = None
        self._codec: Codec | None = None
        self._refused: ModelOffer | None = None
        """The last model that could not be changed to: who is ready for it begins nothing anew."""
        self._told: dict[int, ModelOffer] = {}
        """What each peer was told to be ready here, lest two tell each other for ever."""
        self._allowance = Allowance(clock, _AT_ONCE, _PER_SECOND)

    def wish(self, name: str) -> None:
        """Ask everybody to go on with this model.

        Raises CallNotReady, ModelNotHere, NotEverybodyHasIt or ChangeUnderWay.
        """
        if self._sharing.call is None:
            raise CallNotReady
        model = next((own for own in self._models.own() if own.name == name), None)
        if model is None:
            raise ModelNotHere
        if not self.everybody_has(model.offer):
            raise NotEverybodyHasIt
        if self._speaks(model.offer):
            return
        if self._change is not None:
            if not self._change.offer.fits(model.offer):
                raise ChangeUnderWay
            return  # Somebody else asked for it first.
        for line in self._sharing.lines:
            line.tell(ModelWish(model.offer))
        self.say(f"The model {model.title} is being loaded; the call goes on as it is until then.")
        self._begin(model)

    def everybody_has(self, offer: ModelOffer) -> bool:
        """Whether all who are in the call have offered this model."""
        lines = self._sharing.lines
        return all(any(offer.fits(theirs) for theirs in line.offers) for line in lines)

    def told(self, line: Line, message: CallMessage) -> None:
        """A peer wishes for a change, or tells that it has the model or never will."""
        match message:
            case ModelWish(offer=offer):
                self._refused = None
                self._told.pop(line.id, None)
                self._asked(line, offer)
            case ModelReady(offer=offer, able=False):
                if self._change is not None and self._change.offer.fits(offer):
                    self._call_off(f"{line.who} cannot use the model {self._title}")
            case ModelReady(offer=offer):
                if self._change is None and not (self._refused and self._refused.fits(offer)):
                    self._asked(line, offer)  # Of three, the second was quicker than the first.
                if self._change is not None and self._change.offer.fits(offer):
                    self._change = self._change.with_peer(line.id)
                    self._go_on()

    def joined(self, line: Line) -> None:
        """Somebody came while a change is under way."""
        if self._change is not None:
            line.tell(ModelWish(self._change.offer))
            if self._change.loaded:
                self._tell_ready(line, self._change.offer)

    def left(self, line: Line) -> None:
        """Somebody left, who may have been the one that was waited for."""
        self._told.pop(line.id, None)
        self._go_on()

    @property
    def _title(self) -> str:
        return self._own.title if self._own is not None else ""

    def _speaks(self, offer: ModelOffer) -> bool:
        model = self._sharing.model
        return model is not None and offer.fits(model.offer)

    def _asked(self, line: Line, offer: ModelOffer) -> None:
        if self._change is not None and self._change.offer.fits(offer):
            return
        if self._change is None and self._speaks(offer):
            self._tell_ready(line, offer)
            return
        model = next((own for own in self._models.own() if own.offer.fits(offer)), None)
        can = model is not None and self._change is None and self._sharing.call is not None
        if model is None or not can or not self._allowance.take():
            line.tell(ModelReady(offer, able=False))
            return
        self.say(f"{line.who} asks for the model {model.title}, which is being loaded.")
        self._begin(model)

    def _tell_ready(self, line: Line, offer: ModelOffer) -> None:
        if self._told.get(line.id) != offer:
            self._told[line.id] = offer
            line.tell(ModelReady(offer))

    def _begin(self, model: OwnModel) -> None:
        self._change, self._own = ModelChange(model.offer), model
        self._refused = None
        self._told.clear()
        self._shelf.submit(self._load, model)
        asyncio.get_running_loop().call_later(PATIENCE, self._too_late, model)

    def _load(self, model: OwnModel) -> None:
        """On the shelf's thread."""
        call = self._sharing.call
        if call is None:
            return  # Hung up before its turn came.
        try:
            codec = call.known(model.offer) or self._models.load(model.name)
            able = call.learn(codec)
            why = "its packets could not be told from those of the present one"
        except Exception as error:
            log.exception("The model to change to could not be loaded")
            able, why = False, str(error)
        if able:
            self._network.call_soon(self._loaded, model, codec)
        else:
            self._network.call_soon(self._unable, model, why)

    def _loaded(self, model: OwnModel, codec: Codec) -> None:
        if self._own is not model or self._change is None:
            return
        self._change, self._codec = self._change.with_own(), codec
        for line in self._sharing.lines:
            self._tell_ready(line, model.offer)
        self._go_on()

    def _unable(self, model: OwnModel, why: str) -> None:
        if self._own is model:
            self._call_off(f"The model {model.title} cannot be used in this call: {why}")

    def _too_late(self, model: OwnModel) -> None:
        change = self._change
        if change is not None and self._own is model:
            waited = [each.who for each in self._sharing.lines if each.id not in change.ready]
            who = ", ".join(waited) if change.loaded else "This computer"
            self._call_off(f"{who} did not load the model {model.title} in time")

    def _call_off(self, why: str) -> None:
        """Go on as it was. All are told: one who was refused may have been asked by others too."""
        change = self._change
        self._change = self._own = self._codec = None
        if change is None or self._sharing.is_over:
            return
        self._refused = change.offer
        for line in self._sharing.lines:
            line.tell(ModelReady(change.offer, able=False))
        self._sharing.say(Notice("warning", f"{why.rstrip('.')}. The call goes on as it was."))

    def _go_on(self) -> None:
        change, model, codec = self._change, self._own, self._codec
        call, lines = self._sharing.call, self._sharing.lines
        if change is None or model is None or codec is None or call is None or not lines:
            return
        if change.is_due({line.id for line in lines}):
            self._change = self._own = self._codec = None
            self._shelf.submit(self._speak, call, codec)  # It warms an encoder up first.
            self._sharing.speaks(model)
            self.say(f"The call goes on with the model {model.title}.")

    def _speak(self, call: Call, codec: Codec) -> None:
        """On the shelf's thread."""
        try:
            call.speak(codec)
        except Exception as error:
            log.exception("The model could not be changed to")
            words = f"Your voice goes on in the model before: {error}"
            self._sharing.say(Notice("warning", words))

    def say(self, words: str) -> None:
        """Something a person should know."""
        self._sharing.say(Notice("info", words))
