"""The page of the codec models: what there is, what can be had, and which one to use."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.core.models import ModelProgress, ModelView
from app.core.settings import Settings
from app.gui.bridge import Bridge
from app.gui.buttons import IconButton
from app.gui.card import Card, Page, Text, caption, heading
from app.gui.message import Message
from app.gui.model_card import ModelCard, WorkBar

_WHY = (
    "A call uses the first of the caller's models that both sides have, the one in use before all "
    "others. The bundled one is always there."
)
_IMPORT = (
    "Without Internet: fetch config.json and model.safetensors of a model on another computer, and "
    "bring them here in one folder. Only safetensors files are opened, since others can hold "
    "programs."
)


class ModelsPage(Page):
    """Every model as a card. `left` is emitted when the person goes back."""

    left = Signal()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__("Models", 760)
        self._bridge = bridge
        self._chosen = ""
        self._progress: ModelProgress | None = None
        self.cards: dict[str, ModelCard] = {}
        self.back = IconButton("", "back", "quiet", name="Back to home")
        self.back.clicked.connect(self.left)
        self.message = Message()
        self._list = QVBoxLayout()
        self._list.setSpacing(16)
        self.from_folder = IconButton("Import a folder …", "paste")
        self.from_file = IconButton("Import a file …", "paste")
        self.from_folder.clicked.connect(lambda: self._ask_for(QFileDialog.FileMode.Directory))
        self.from_file.clicked.connect(lambda: self._ask_for(QFileDialog.FileMode.ExistingFile))
        self.work = WorkBar()
        self.work.stopped.connect(bridge.stop_model)
        self.column.addLayout(self._header())
        self.column.addWidget(caption(_WHY))
        self.column.addWidget(self.message)
        self.column.addLayout(self._list)
        self.column.addWidget(self._import_card())
        self.column.addStretch(1)
        bridge.models_changed.connect(self._show_models)
        bridge.model_work.connect(self._show_work)
        bridge.settings_changed.connect(self._show_settings)

    def show_error(self, sentence: str) -> None:
        self.message.say("error", sentence)
        self.ensureWidgetVisible(self.message)

    def focus_first(self) -> None:
        self.message.clear()
        self._bridge.spawn(self._bridge.see_models())
        self.back.setFocus()

    def import_from(self, path: Path) -> None:
        """Take in the model at a path: a folder, or one of its two files."""
        self.message.clear()
        self._bridge.spawn(self._bridge.import_model(path))

    def _get(self, name: str) -> None:
        self.message.clear()
        self._bridge.spawn(self._bridge.get_model(name))

    def _remove(self, name: str) -> None:
        self.message.clear()
        self._bridge.spawn(self._bridge.remove_model(name))

    def _use(self, name: str) -> None:
        self._bridge.spawn(self._choose(name))

    async def _choose(self, name: str) -> None:
        self.message.say("info", "The model is being loaded …")
        if await self._bridge.choose_model(name):
            self.message.say("info", "It is used from the next call on.")

    def _show_models(self, models: tuple[ModelView, ...]) -> None:
        names = [model.name for model in models]
        for name in [name for name in self.cards if name not in names]:
            card = self.cards.pop(name)
            self._list.removeWidget(card)
            card.deleteLater()
        for place, model in enumerate(models):
            if model.name in self.cards:
                self.cards[model.name].show_model(model)
            else:
                self._list.insertWidget(place, self._new_card(model))
        self._show_settings(self._bridge.settings)

    def _new_card(self, model: ModelView) -> ModelCard:
        card = self.cards[model.name] = ModelCard(model)
        card.used.connect(self._use)
        card.wanted.connect(self._get)
        card.removed.connect(self._remove)
        card.stopped.connect(self._bridge.stop_model)
        card.show_work(self._progress)
        return card

    def _show_work(self, progress: ModelProgress | None) -> None:
        self._progress = progress
        for card in self.cards.values():
            card.show_work(progress)
        elsewhere = progress is not None and progress.name not in self.cards
        self.work.show_progress(progress if elsewhere else None)
        for button in (self.from_folder, self.from_file):
            button.setEnabled(progress is None)

    def _show_settings(self, settings: Settings) -> None:
        for name, card in self.cards.items():
            card.show_chosen(settings.model.partition("@")[0] == name)

    def _ask_for(self, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self, "The model to import")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(mode)
        if mode == QFileDialog.FileMode.ExistingFile:
            dialog.setNameFilter("Models (*.safetensors config.json)")
        dialog.fileSelected.connect(lambda chosen: self.import_from(Path(chosen)))
        dialog.open()  # The window's loop goes on below it.

    def _header(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.back)
        row.addWidget(heading("Models", 1.6))
        row.addStretch(1)
        return row

    def _import_card(self) -> Card:
        card = Card("Import from files")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.from_folder)
        buttons.addWidget(self.from_file)
        buttons.addStretch(1)
        card.column.addWidget(caption(_IMPORT))
        card.column.addWidget(self.work)
        card.column.addLayout(buttons)
        return card


class ModelRow(QWidget):
    """On the first page: which model is in use, what is being done to one, the way to them all."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._titles: dict[str, str] = {}
        self.named = Text(wrap=True)
        self.work = caption(wrap=False)
        self.work.hide()
        self.open = IconButton("Models …", "info")
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.named)
        words.addWidget(self.work)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addLayout(words, 1)
        row.addWidget(self.open)
        bridge.settings_changed.connect(self._show)
        bridge.models_changed.connect(self._show_models)
        bridge.model_work.connect(self._show_work)

    def _show_models(self, models: tuple[ModelView, ...]) -> None:
        self._titles = {model.name: model.title for model in models}
        self._show(self._bridge.settings)

    def _show(self, settings: Settings) -> None:
        title = self._titles.get(settings.model, settings.model)
        self.named.setText(f"Model: {title}")

    def _show_work(self, progress: ModelProgress | None) -> None:
        self.work.setVisible(progress is not None)
        if progress is not None:
            share = f" {progress.done / progress.total:.0%}" if progress.total else ""
            self.work.setText(f"{progress.name}: {progress.step}{share} …")
