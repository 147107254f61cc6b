"""The call's microphone and loudspeaker: opened, changed and lost while the call goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from app.audio.backend import AudioBackend, AudioInput, AudioOutput, DeviceLost, DeviceNotFound
from app.audio.silence import NoInput, NoOutput
from app.core.errors import UndertoneError
from app.core.state import Notice

D = TypeVar("D", bound=AudioInput | AudioOutput)
R = TypeVar("R")
Say = Callable[[Notice], None]


class _Device(Generic[D]):
    """One device at a time, with silence where there is none. Used by one thread, changed by any.

    What goes wrong with a device is told in a notice and never ends the call.
    """

    def __init__(
        self,
        name: str | None,
        open_device: Callable[[str | None], D],
        silence: Callable[[], D],
        without: str,
        say: Say,
    ) -> None:
        self._open_device, self._silence = open_device, silence
        self._without, self._say = without, say
        self._lock = threading.Lock()
        self._device: D = silence()
        self.choose(name)

    def choose(self, name: str | None) -> None:
        """Open the device `name` (None: the system's default) in place of the present one."""
        self._device.close()
        device = self._opened(name)
        with self._lock:
            self._device = device

    def close(self) -> None:
        """Let go of the device."""
        self._device.close()

    def _opened(self, name: str | None) -> D:
        try:
            return self._open_device(name)
        except DeviceNotFound as error:
            self._say(Notice("warning", str(error)))
            return self._opened(None) if name is not None else self._silence()
        except UndertoneError as error:
            self._say(Notice("warning", f"{error} {self._without}"))
            return self._silence()

    def _use(self, work: Callable[[D], R], otherwise: R) -> R:
        """Do `work` with the device; when it is lost, go to the system's default."""
        with self._lock:
            device = self._device
        try:
            return work(device)
        except DeviceLost as lost:
            if device is self._device:  # Else it was changed meanwhile, and is no loss.
                self._say(Notice("warning", str(lost)))
                self.choose(None)
            return otherwise


class Microphone(_Device[AudioInput]):
    """The chosen input."""

    def __init__(self, backend: AudioBackend, name: str | None, say: Say) -> None:
        super().__init__(
            name, backend.open_input, NoInput, "You can listen, but not be heard.", say
        )

    def read(self, samples: int, timeout: float) -> np.ndarray | None:
        """`samples` at 16 kHz, or None when they did not come in `timeout` seconds.

        Raises EndOfInput when a file that serves as microphone is over.
        """
        return self._use(lambda device: device.read(samples, timeout), None)

    @property
    def latency(self) -> float:
        """Seconds from sound to `read`."""
        return self._device.latency

    @property
    def level(self) -> float:
        """Recent level in dBFS."""
        return self._device.level

    @property
    def dropped(self) -> int:
        """Samples lost because they were not read in time."""
        return self._device.dropped


class Loudspeaker(_Device[AudioOutput]):
    """The chosen output, at `rate` Hz."""

    def __init__(self, backend: AudioBackend, name: str | None, rate: int, say: Say) -> None:
        super().__init__(
            name,
            lambda wanted: backend.open_output(wanted, rate),
            lambda: NoOutput(rate),
            "You can be heard, but not listen.",
            say,
        )

    def write(self, pcm: np.ndarray) -> None:
        """Queue mono float samples."""
        self._use(lambda device: device.write(pcm), None)

    def wait_below(self, seconds: float, timeout: float) -> bool:
        """Whether less than `seconds` of sound are queued, waiting up to `timeout` for it."""
        return self._use(lambda device: device.wait_below(seconds, timeout), False)

    @property
    def queued(self) -> float:
        """Seconds of sound waiting to be played."""
        return self._device.queued

    @property
    def latency(self) -> float:
        """Seconds from leaving the queue to the ear."""
        return self._device.latency

    @property
    def level(self) -> float:
        """Recent level in dBFS."""
        return self._device.level

    @property
    def underruns(self) -> int:
        """How often the device asked for sound and there was none."""
        return self._device.underruns
