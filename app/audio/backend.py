"""What the engine asks of sound: a microphone, a loudspeaker, a list of both, and the errors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from app.core.errors import UndertoneError

SPEECH_RATE = 16_000
"""Samples a second that every microphone delivers, whatever the device itself runs at."""


@dataclass(frozen=True)
class DeviceInfo:
    """One microphone or loudspeaker, as shown in a list.

    `name` is unique among the devices of its direction and is what `open_input` and `open_output`
    take, and what settings keep. `default_rate` is in Hz.
    """

    name: str
    host_api: str
    is_default: bool
    channels: int
    default_rate: int


@runtime_checkable
class AudioInput(Protocol):
    """An open microphone: mono float32 in -1..1 at `rate` (always 16 000 Hz)."""

    @property
    def rate(self) -> int: ...

    @property
    def latency(self) -> float:
        """Seconds between a sound and its sample's reading, without the reader's own chunk."""
        ...

    @property
    def level(self) -> float:
        """Recent loudness, RMS in dBFS (`level.FLOOR` for silence)."""
        ...

    @property
    def peak(self) -> float:
        """Recent peak in dBFS."""
        ...

    @property
    def zero_seconds(self) -> float:
        """Seconds of exact zeros up to now: a microphone the system denies delivers only these.

        Always 0 for what is no microphone, such as a file.
        """
        ...

    @property
    def dropped(self) -> int:
        """Samples lost because nobody read them in time."""
        ...

    def read(self, samples: int, timeout: float) -> np.ndarray | None:
        """The next `samples` samples, shape (samples,); None if they did not come in `timeout` s.

        Nothing is lost by a timeout. Raises EndOfInput after the end of a file, DeviceLost when
        the device went away. A closed input returns None.
        """
        ...

    def close(self) -> None:
        """Let go of the device. May be called twice, and while another thread reads."""
        ...


@runtime_checkable
class AudioOutput(Protocol):
    """An open loudspeaker: takes mono float32 in -1..1 at `rate`, chosen when it was opened."""

    @property
    def rate(self) -> int: ...

    @property
    def queued(self) -> float:
        """Seconds written and not yet handed to the device."""
        ...

    @property
    def latency(self) -> float:
        """Seconds from the device taking a sample to its sounding; `queued` comes on top."""
        ...

    @property
    def level(self) -> float: ...

    @property
    def peak(self) -> float: ...

    @property
    def underruns(self) -> int:
        """How often the device wanted sound and found none, once for each gap."""
        ...

    def write(self, pcm: np.ndarray) -> None:
        """Queue samples, shape (n,). Blocks only when seconds are waiting already.

        Raises DeviceLost when the device went away. A closed output ignores what it is given.
        """
        ...

    def wait_below(self, seconds: float, timeout: float) -> bool:
        """Wait until no more than `seconds` are queued; False if `timeout` s passed first.

        Raises DeviceLost when the device went away.
        """
        ...

    def close(self) -> None:
        """Let go of the device. May be called twice, and while another thread writes."""
        ...


@runtime_checkable
class AudioBackend(Protocol):
    """A sound system: lists devices and opens them by name (None: the system's default).

    What was plugged in or out since is in the lists and can be opened, as soon as no device is
    open: some systems can look again only then.
    """

    def inputs(self) -> list[DeviceInfo]: ...

    def outputs(self) -> list[DeviceInfo]: ...

    def open_input(self, name: str | None) -> AudioInput: ...

    def open_output(self, name: str | None, rate: int) -> AudioOutput: ...


class AudioError(UndertoneError):
    """Something is wrong with the sound. Check your microphone and loudspeaker."""


class PortAudioMissing(AudioError):
    """The PortAudio library is missing, so no microphone or loudspeaker can be used.

    Install PortAudio, then start Undertone again.
    """


class NoMicrophone(AudioError):
    """No microphone was found. Plug one in and choose it."""


class NoLoudspeaker(AudioError):
    """No loudspeaker was found. Plug in headphones or speakers and choose them."""


class DeviceNotFound(AudioError):
    """The chosen device is not connected. The system's default device is used instead.

    `name` is the device asked for; the caller opens None, the default, in its place, and keeps
    the choice for when the device comes back.
    """

    def __init__(self, name: str, kind: str) -> None:
        super().__init__(
            f"The {kind} “{name}” is not connected. "
            f"The system's default {kind} is used until it is back."
        )
        self.name = name
        self.kind = kind


class DeviceLost(AudioError):
    """The sound device was unplugged or stopped answering. Plug it in again or choose another."""

    def __init__(self, name: str = "", kind: str = "device") -> None:
        super().__init__(
            f"The {kind} “{name}” was unplugged or stopped answering. "
            "Plug it in again, or choose another."
            if name
            else ""
        )
        self.name = name


class DeviceFailed(AudioError):
    """The sound device could not be opened. Choose another, or unplug it and plug it in again."""

    def __init__(self, name: str = "", words: str = "") -> None:
        super().__init__(
            f"“{name}” could not be opened. Choose another device, or unplug it and plug it in "
            f"again. The sound system says: {words}"
            if name
            else ""
        )
        self.name = name
        self.words = words


class DeviceBusy(DeviceFailed):
    """Another program is using the sound device. Close that program, or choose another device."""

    def __init__(self, name: str = "", words: str = "") -> None:
        AudioError.__init__(
            self,
            f"Another program is using “{name}”. Close that program, or choose another device. "
            f"The sound system says: {words}"
            if name
            else "",
        )
        self.name = name
        self.words = words


class EndOfInput(AudioError):
    """The sound file has been played to its end."""


class AudioFileError(AudioError):
    """A sound file could not be used. Check that it exists and is a WAV, FLAC or Ogg file."""

    def __init__(self, path: Path | str = "", words: str = "") -> None:
        super().__init__(self._sentence(path, words) if str(path) else "")
        self.path = Path(path)

    @staticmethod
    def _sentence(path: Path | str, words: str) -> str:
        return f"The sound file {path} could not be used: {words}"


class AudioFileMissing(AudioFileError):
    """The sound file does not exist. Check its name and folder."""

    @staticmethod
    def _sentence(path: Path | str, words: str) -> str:
        return f"There is no sound file {path}. Check its name and folder."


class AudioFileUnreadable(AudioFileError):
    """The sound file could not be read. Undertone reads WAV, FLAC and Ogg files."""

    @staticmethod
    def _sentence(path: Path | str, words: str) -> str:
        return f"{path} could not be read as sound ({words}). Use a WAV, FLAC or Ogg file."


class AudioFileNotWritable(AudioFileError):
    """The sound file could not be written. Choose a folder you may write to."""

    @staticmethod
    def _sentence(path: Path | str, words: str) -> str:
        return f"{path} could not be written ({words}). Choose a folder you may write to."


class AudioFileFull(AudioFileError):
    """There is no room left for the sound file. What was written before is kept and playable."""

    @staticmethod
    def _sentence(path: Path | str, words: str) -> str:
        return (
            f"Writing {path} stopped ({words}). What was written before is kept and can be "
            "played. Make room, or choose another place."
        )
