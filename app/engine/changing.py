"""A change of the model in a call that stands, as its ends agree on it (`core/model_change.py`)."""

from __future__ import annotations

import logging
from typing import Protocol

from app.core.control import CallMessage, ModelReady, ModelWish
from app.core.errors import UndertoneError
from app.core.model_change import ModelChange
from app.core.models import ModelOffer
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


class Sharing(Protocol):
    """The call whose model it is."""

    @property
    def lines(self) -> tuple[Line, ...]: ...

    @property
    def call(self) -> Call | None: ...

    def say(self, notice: Notice) -> None: ...

    def speaks(self, model: OwnModel) -> None:
        """All speak this model from now on."""
        ...


class ModelChanges:
    """One change at a time. All is for the network thread, but what loads."""

    def __init__(
        self, sharing: Sharing, models: Models, shelf: Shelf, network: NetworkThread
    ) -> None:
        self._sharing, self._models, self._shelf = sharing, models, shelf
        self._network = network
        self._change: ModelChange | None = None
        self._own: OwnModel | None = None
        self._codec: Codec | None = None

    def wish(self, name: str) -> None:
        """Ask everybody to go on with this model. Raises ModelNotHere or NotEverybodyHasIt."""
        model = next((own for own in self._models.own() if own.name == name), None)
        if model is None:
            raise ModelNotHere
        if not self.everybody_has(model.offer):
            raise NotEverybodyHasIt
        if self._change is not None or self._speaks(model.offer):
            return
        for line in self._sharing.lines:
            line.tell(ModelWish(model.offer))
        self._begin(model)

    def everybody_has(self, offer: ModelOffer) -> bool:
        """Whether all who are in the call have offered this model."""
        lines = self._sharing.lines
        return all(any(offer.fits(theirs) for theirs in line.offers) for line in lines)

    def told(self, line: Line, message: CallMessage) -> None:
        """A peer wishes for a change, or tells that it has the model or never will."""
        match message:
            case ModelWish(offer=offer):
                self._asked(line, offer)
            case ModelReady(offer=offer, able=False):
                if self._change is not None and self._change.offer.fits(offer):
                    self._give_up(f"{line.who} cannot use the model {self._title}")
            case ModelReady(offer=offer):
                if self._change is None:
                    self._asked(line, offer)  # Of three, the second was quicker than the first.
                if self._change is not None and self._change.offer.fits(offer):
                    self._change = self._change.with_peer(line.id)
                    self._go_on()

    def joined(self, line: Line) -> None:
        """Somebody came while a change is under way."""
        if self._change is not None:
            line.tell(ModelWish(self._change.offer))
            if self._change.loaded:
                line.tell(ModelReady(self._change.offer))

    def left(self) -> None:
        """Somebody left, who may have been the one that was waited for."""
        self._go_on()

    @property
    def _title(self) -> str:
        return self._own.title if self._own is not None else ""

    def _speaks(self, offer: ModelOffer) -> bool:
        call = self._sharing.call
        spec = call.codec.spec if call is not None else None
        return spec is not None and offer.fits(ModelOffer(spec.model_id, spec.digest))

    def _asked(self, line: Line, offer: ModelOffer) -> None:
        if self._change is not None and self._change.offer.fits(offer):
            return
        model = next((own for own in self._models.own() if own.offer.fits(offer)), None)
        if model is None or self._change is not None or self._sharing.call is None:
            line.tell(ModelReady(offer, able=False))
            return
        if self._speaks(offer):
            line.tell(ModelReady(offer))
            return
        self.say(f"{line.who} asks for the model {model.title}, which is being loaded.")
        self._begin(model)

    def _begin(self, model: OwnModel) -> None:
        self._change, self._own = ModelChange(model.offer), model
        self._shelf.submit(self._load, model)

    def _load(self, model: OwnModel) -> None:
        """On the shelf's thread."""
        try:
            codec = self._models.load(model.name)
            call = self._sharing.call
            able = call is not None and call.learn(codec)
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
            line.tell(ModelReady(model.offer))
        self._go_on()

    def _unable(self, model: OwnModel, why: str) -> None:
        if self._own is model:
            for line in self._sharing.lines:
                line.tell(ModelReady(model.offer, able=False))
            self._give_up(f"The model {model.title} cannot be used in this call: {why}")

    def _give_up(self, why: str) -> None:
        self._change = self._own = self._codec = None
        self._sharing.say(Notice("warning", f"{why.rstrip('.')}. The call goes on as it was."))

    def _go_on(self) -> None:
        change, model, codec = self._change, self._own, self._codec
        call = self._sharing.call
        if change is None or model is None or codec is None or call is None:
            return
        if change.is_due({line.id for line in self._sharing.lines}):
            self._change = self._own = self._codec = None
            self._shelf.submit(call.speak, codec)  # It warms an encoder up first.
            self._sharing.speaks(model)
            self.say(f"The call goes on with the model {model.title}.")

    def say(self, words: str) -> None:
        """Something a person should know."""
        self._sharing.say(Notice("info", words))
