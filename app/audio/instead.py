"""Files in the place of devices: a call whose microphone or loudspeaker is a wav."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from app.audio.backend import (
    AudioBackend,
    AudioFileError,
    AudioFileNotWritable,
    AudioInput,
    AudioOutput,
    DeviceInfo,
)
from app.audio.files import FileInput, FileOutput
from app.audio.silence import NoInput, NoOutput


class SameFile(AudioFileError):
    """One file cannot be both spoken and written. Choose another file for the output."""

    @staticmethod
    def _sentence(path: Path | str, words: str) -> str:
        return (
            f"{path} is the file that is spoken, and writing what is heard would destroy it. "
            "Choose another file for the output."
        )


def check_files(input_file: Path | None, output_file: Path | None) -> None:
    """Raise the AudioFileError that a call with these files would meet; changes neither."""
    if input_file is not None:
        FileInput(input_file).close()
    if output_file is None:
        return
    if input_file is not None and output_file.exists() and output_file.samefile(input_file):
        raise SameFile(output_file)
    if output_file.is_fifo():
        raise AudioFileNotWritable(output_file, "it is a pipe, and a WAV file must be a file")
    is_new = not os.path.lexists(output_file)
    try:
        with open(output_file, "ab"):  # Appending nothing asks the system and changes nothing.
            pass
        if is_new:
            output_file.unlink()
    except OSError as error:
        raise AudioFileNotWritable(output_file, error.strerror or str(error)) from error


class FilesInstead:
    """An `AudioBackend` that takes a file where one is given, and else the devices behind it.

    Without devices behind (`devices` None) the other side is silence. A file serves whatever
    device is asked for, and stays the one open file until `finish`: to choose another device in
    mid-call neither restarts what is spoken nor loses what was heard. The output file is created,
    or emptied, when a call first opens it; a later call of the same run goes to a new file beside
    it. `trouble` is what last went wrong with a file; `on_trouble` is called with it in mid-call.
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
        self.trouble: AudioFileError | None = None
        self._devices = devices
        self._input_file, self._output_file = input_file, output_file
        self._lead_in, self._on_trouble = lead_in, on_trouble
        self._input: _KeptInput | None = None
        self._output: _KeptOutput | None = None
        self._calls = 0

    def inputs(self) -> list[DeviceInfo]:
        if self._input_file is not None:
            return [DeviceInfo(self._input_file.name, "file", True, 1, 16_000)]
        return self._devices.inputs() if self._devices else []

    def outputs(self) -> list[DeviceInfo]:
        if self._output_file is not None:
            return [DeviceInfo(self._output_file.name, "file", True, 1, 16_000)]
        return self._devices.outputs() if self._devices else []

    def open_input(self, name: str | None) -> AudioInput:
        if self._input_file is None:
            return self._devices.open_input(name) if self._devices else NoInput()
        if self._input is None:
            self._input = _KeptInput(
                self._input_file, lead_in=self._lead_in, on_trouble=self._went_wrong
            )
        return self._input

    def open_output(self, name: str | None, rate: int) -> AudioOutput:
        if self._output_file is None:
            return self._devices.open_output(name, rate) if self._devices else NoOutput(rate)
        if self._output is None:
            self._output = self._created(_unused(self._output_file, self._calls), rate)
            self._calls += 1
        return self._output

    def finish(self) -> None:
        """The call is over: close its files. The next call speaks the input from its beginning."""
        kept_input, self._input = self._input, None
        kept_output, self._output = self._output, None
        if kept_input is not None:
            kept_input.finish()
        if kept_output is not None:
            kept_output.finish()

    def _created(self, path: Path, rate: int) -> _KeptOutput:
        try:
            return _KeptOutput(path, rate, on_trouble=self._went_wrong)
        except AudioFileError as error:
            self.trouble = error  # Who asked for the file is told by the raising.
            raise

    def _went_wrong(self, error: AudioFileError) -> None:
        self.trouble = error
        if self._on_trouble is not None:
            self._on_trouble(error)


class _KeptInput(FileInput):
    """Reads on where it was, after whoever read it let go and came back."""

    def close(self) -> None:
        pass

    def finish(self) -> None:
        super().close()


class _KeptOutput(FileOutput):
    """Whole and playable when let go of, and still open for more."""

    def close(self) -> None:
        with self._lock:
            if self._closed or self.trouble is not None:
                return
            try:
                self._wav.settle()
            except OSError as error:
                self._report(error)

    def finish(self) -> None:
        super().close()


def _unused(path: Path, calls_before: int) -> Path:
    """`path` for the first call; then a name beside it that nothing has yet."""
    number, chosen = calls_before, path
    while number and (chosen == path or chosen.exists()):
        number += 1
        chosen = path.with_stem(f"{path.stem}-{number}")
    return chosen
