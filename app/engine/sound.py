"""The call's microphone and loudspeaker: opened, changed and lost while the call goes on."""

from __future__ import annotations

import threading
import time
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

_LOST_AGAIN_SECONDS = 5.0
"""A device lost again so soon is given up: reopening it for ever would help nobody."""

_ZEROS_SECONDS = 3.0
"""Real microphones hiss; zeros for so long mean that something keeps the sound back."""

ZEROS_ONLY = (
    "The microphone gives nothing but zeros. It may be switched off at the device, or this system "
    "may not let Undertone use it: look at its privacy settings for the microphone."
)


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
        self._changing = threading.Lock()
        self._closed = False
        self._lost_at = float("-inf")
        self._device: D = silence()
        self.choose(name)

    def choose(self, name: str | None) -> None:
        """Open the device `name` (None: the system's default) in place of the present one."""
        with self._changing:
            self._replace(name)

    def close(self) -> None:
        """Let go of the device, and of one that is just being opened as soon as it is."""
        with self._lock:
            self._closed = True
        self._put(self._silence()).close()

    @property
    def latency(self) -> float:
        """Seconds between the sound in the air and this side of the device."""
        return self._device.latency

    @property
    def level(self) -> float:
        """Recent level in dBFS."""
        return self._device.level

    def _replace(self, name: str | None) -> None:
        # Silence meanwhile: its reader waits as with a device, and a closed device is never used.
        self._put(self._silence()).close()
        device = self._opened(name)
        with self._lock:
            superfluous, self._device = self._device, device
            if self._closed:
                superfluous, self._device = self._device, superfluous
        superfluous.close()

    def _put(self, device: D) -> D:
        """Use this device from now on; returns the one used before."""
        with self._lock:
            before, self._device = self._device, device
        return before

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
            self._recover(device, lost)
            return otherwise

    def _recover(self, device: D, lost: DeviceLost) -> None:
        with self._changing:
            if device is not self._device:
                return  # It was changed meanwhile: that it closed is no loss.
            now = time.monotonic()
            again, self._lost_at = now - self._lost_at < _LOST_AGAIN_SECONDS, now
            if again:
                self._say(Notice("warning", f"{lost} {self._without}"))
                self._put(self._silence()).close()
            else:
                self._say(Notice("warning", str(lost)))
                self._replace(None)


class Microphone(_Device[AudioInput]):
    """The chosen input."""

    def __init__(self, backend: AudioBackend, name: str | None, say: Say) -> None:
        self._zeros_told = False
        super().__init__(
            name, backend.open_input, NoInput, "You can listen, but not be heard.", say
        )

    def read(self, samples: int, timeout: float) -> np.ndarray | None:
        """`samples` at 16 kHz, or None when they did not come in `timeout` seconds.

        Raises EndOfInput when a file that serves as microphone is over.
        """
        pcm = self._use(lambda device: device.read(samples, timeout), None)
        zeros = self._device.zero_seconds > _ZEROS_SECONDS
        if zeros and not self._zeros_told:
            self._say(Notice("warning", ZEROS_ONLY))
        self._zeros_told = zeros
        return pcm

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
    def underruns(self) -> int:
        """How often the device asked for sound and there was none."""
        return self._device.underruns
