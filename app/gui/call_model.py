"""The model of a call that stands: which it is, and another that all are to go on with."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.core.models import ModelView
from app.core.state import CallState, PeerView, Talking
from app.gui.bridge import Bridge
from app.gui.card import caption
from app.gui.choice import Choice, labelled

_MEANING = "Another one is taken by all who are in the call, once each has loaded it."


class CallModel(QWidget):
    """A list of the models on this computer; hidden while there is nothing to choose from.

    It shows the model that is spoken, not the one that was asked for.
    """

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._models: list[tuple[str, str]] = []
        self._said: dict[int, str] = {}
        """By peer, in the order they came: who has no model in common leaves at once."""
        self.choice = Choice("Model of this call")
        self.choice.setAccessibleDescription(_MEANING)
        labelled(self, "info", "Model", self.choice, caption(_MEANING))
        self.choice.activated.connect(self._chosen)
        bridge.models_changed.connect(self._show_models)
        bridge.peer_changed.connect(self._show_peer)
        bridge.peer_left.connect(self._left)
        bridge.state_changed.connect(self._show_state)
        self.hide()

    def _show_models(self, models: tuple[ModelView, ...]) -> None:
        usable = (model for model in models if model.on_disk and not model.problem)
        self._models = [(model.title, model.name) for model in usable]
        self._show()

    @property
    def _spoken(self) -> str:
        return next(iter(self._said.values()), "")

    def _show_peer(self, peer: PeerView) -> None:
        before = self._spoken
        if peer.model_name:
            self._said[peer.id] = peer.model_name
        if self._spoken != before:
            self._show()

    def _left(self, peer: PeerView, reason: str) -> None:
        self._said.pop(peer.id, None)
        self._show()

    def _show_state(self, state: CallState) -> None:
        if not isinstance(state, Talking):
            self._said.clear()

    def _show(self) -> None:
        self.choice.clear()
        for title, name in self._models:
            self.choice.addItem(title, name)
        place = self.choice.findText(self._spoken)
        if place < 0:  # One that only others have by this name, or that is gone from here.
            self.choice.insertItem(0, self._spoken)
        self.choice.setCurrentIndex(max(place, 0))
        self.setVisible(len(self._models) > 1 and bool(self._spoken))

    def _chosen(self, place: int) -> None:
        name = self.choice.itemData(place)
        is_other = self.choice.itemText(place) != self._spoken
        self.choice.setCurrentIndex(self.choice.findText(self._spoken))
        if name is not None and is_other:
            self._bridge.spawn(self._bridge.change_model(str(name)))
