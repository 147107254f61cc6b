"""Files in the place of devices: a call whose microphone or loudspeaker is a wav."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app.audio.backend import AudioBackend, AudioFileError, AudioInput, AudioOutput, DeviceInfo
from app.audio.files import FileInput, FileOutput
from app.audio.silence import NoInput, NoOutput


class FilesInstead:
    """An `AudioBackend` that takes a file where one is given, and else the devices behind it.

    Without devices behind (`devices` None) the other side is silence. A file serves whatever
    device is asked for, as long as the call lasts.
    """

    def __init__(
        self,
        devices: AudioBackend | None,
        *,
        input_file: Path | None = None,
        output_file: Path | None = None,
        lead_in: float = 0.0,
        on_trouble: Callable[[AudioFileError], None] | None = None,
    ) -> None:
        self._devices = devices
        self._input_file, self._output_file = input_file, output_file
        self._lead_in, self._on_trouble = lead_in, on_trouble

    def inputs(self) -> list[DeviceInfo]:
        if self._input_file is not None:
            return [DeviceInfo(self._input_file.name, "file", True, 1, 16_000)]
        return self._devices.inputs() if self._devices else []

    def outputs(self) -> list[DeviceInfo]:
        if self._output_file is not None:
            return [DeviceInfo(self._output_file.name, "file", True, 1, 16_000)]
        return self._devices.outputs() if self._devices else []

    def open_input(self, name: str | None) -> AudioInput:
        if self._input_file is not None:
            return FileInput(self._input_file, lead_in=self._lead_in)
        return self._devices.open_input(name) if self._devices else NoInput()

    def open_output(self, name: str | None, rate: int) -> AudioOutput:
        if self._output_file is not None:
            return FileOutput(self._output_file, rate, on_trouble=self._on_trouble)
        return self._devices.open_output(name, rate) if self._devices else NoOutput(rate)
