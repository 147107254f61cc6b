"""The field for one's own name, before a call and in it."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit

from app.core.control import MAX_TEXT_BYTES
from app.core.settings import Settings
from app.gui.bridge import Bridge


class NameField(QLineEdit):
    """Kept in step with the settings; what is entered in a call the other side sees at once."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__()
        self._bridge = bridge
        self.setAccessibleName("Your name")
        self.setPlaceholderText("How the other side sees you")
        self.setMaxLength(MAX_TEXT_BYTES)
        self.editingFinished.connect(self.take)
        bridge.settings_changed.connect(self._show)

    def take(self) -> None:
        """Use what stands in the field."""
        self._bridge.set_name(self.text().strip())

    def _show(self, settings: Settings) -> None:
        if not self.hasFocus():
            self.setText(settings.name)
