"""Choosing a microphone and a loudspeaker, before a call and during it."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QGridLayout, QWidget

from app.audio.backend import DeviceInfo
from app.core.settings import Settings
from app.gui.bridge import Bridge
from app.gui.buttons import IconButton
from app.gui.card import Text
from app.gui.choice import Choice
from app.gui.icons import IconMark

DEFAULT_TEXT = "System default"


class Picker(Choice):
    """A list to choose one device from. The first entry, data None, follows the system."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.addItem(DEFAULT_TEXT, None)

    def offer(self, devices: list[DeviceInfo], chosen: str | None) -> None:
        """Show what there is. A choice that is not connected stays in the list, and says so."""
        self.clear()
        default = next((device.name for device in devices if device.is_default), None)
        self.addItem(f"{DEFAULT_TEXT}: {default}" if default else DEFAULT_TEXT, None)
        for device in devices:
            self.addItem(device.name, device.name)
        if chosen is not None and self.findData(chosen) < 0:
            self.addItem(f"{chosen} (not connected)", chosen)
        self.choose(chosen)

    def choose(self, name: str | None) -> None:
        """Show `name` as the choice, without acting on it."""
        index = 0 if name is None else self.findData(name)
        if index < 0:
            self.addItem(name or "", name)
            index = self.count() - 1
        self.setCurrentIndex(index)
        self.setToolTip(self.currentText())


class DevicePickers(QWidget):
    """Both pickers with a button to look for devices again, kept in step with the settings.

    `name`, where given, gets a row above them.
    """

    def __init__(self, bridge: Bridge, name: QWidget | None = None) -> None:
        super().__init__()
        self._bridge = bridge
        self.microphone = Picker("Microphone")
        self.loudspeaker = Picker("Loudspeaker")
        self.refresh = IconButton("", "refresh", "quiet", name="Look for devices again")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(2, 1)
        rows: list[tuple[str, str, QWidget]] = [
            ("microphone", "Microphone", self.microphone),
            ("loudspeaker", "Loudspeaker", self.loudspeaker),
        ]
        if name is not None:
            rows.insert(0, ("person", "Your name", name))
        for row, (drawing, word, field) in enumerate(rows):
            label = Text(word)
            label.setBuddy(field)
            grid.addWidget(IconMark(drawing), row, 0)
            grid.addWidget(label, row, 1)
            grid.addWidget(field, row, 2, 1, 1 if isinstance(field, Picker) else 2)
        grid.addWidget(self.refresh, len(rows) - 2, 3, 2, 1)
        self._devices: tuple[list[DeviceInfo], list[DeviceInfo]] = ([], [])
        self.microphone.activated.connect(
            lambda: bridge.spawn(bridge.choose_input(self.microphone.currentData()))
        )
        self.loudspeaker.activated.connect(
            lambda: bridge.spawn(bridge.choose_output(self.loudspeaker.currentData()))
        )
        self.refresh.clicked.connect(lambda: bridge.spawn(bridge.refresh_devices()))
        bridge.devices_changed.connect(self._offer)
        bridge.settings_changed.connect(self._choose)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return super().sizeHint().expandedTo(QSize(280, 0))

    def _offer(self, inputs: list[DeviceInfo], outputs: list[DeviceInfo]) -> None:
        settings = self._bridge.settings
        self.microphone.offer(inputs, settings.input_device)
        self.loudspeaker.offer(outputs, settings.output_device)

    def _choose(self, settings: Settings) -> None:
        self.microphone.choose(settings.input_device)
        self.loudspeaker.choose(settings.output_device)
