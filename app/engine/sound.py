"""The call's microphone and loudspeaker: opened, changed and lost while the call goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from app.audio.backend import AudioBackend, AudioInput, AudioOutput, DeviceLost
from app.audio.silence import NoInput, NoOutput
from app.core.errors import UndertoneError
from app.core.state import Notice

Say = Callable[[Notice], None]


class Microphone:
    """The chosen input, or silence where there is none. Read by one thread, changed by any."""

    def __init__(self, backend: AudioBackend, name: str | None, say: Say) -> None:
        self._backend, self._say = backend, say
        self._lock = threading.Lock()
        self._input: AudioInput = NoInput()
        self.choose(name)

    def choose(self, name: str | None) -> None:
        """Open the device `name` (None: the system's default) in place of the present one.

        A device that cannot be opened is told in a notice; the call goes on in silence.
        """
        with self._lock:
            old = self._input
        old.close()
        try:
            new: AudioInput = self._backend.open_input(name)
        except UndertoneError as error:
            self._say(Notice("warning", f"{error} You can listen, but not be heard."))
            new = NoInput()
        with self._lock:
            self._input = new

    def read(self, samples: int, timeout: float) -> np.ndarray | None:
        """`samples` at 16 kHz, or None when they did not come in `timeout` seconds.

        Raises EndOfInput when a file that serves as microphone is over.
        """
        with self._lock:
            current = self._input
        try:
            return current.read(samples, timeout)
        except DeviceLost as lost:
            with self._lock:
                if current is not self._input:
                    return None  # Changed while it was read: that it closed is no loss.
            self._say(Notice("warning", f"{lost} Trying the system's default microphone."))
            self.choose(None)
            return None

    @property
    def latency(self) -> float:
        """Seconds from sound to `read`."""
        return self._input.latency

    @property
    def level(self) -> float:
        """Recent level in dBFS."""
        return self._input.level

    @property
    def dropped(self) -> int:
        """Samples lost because they were not read in time."""
        return self._input.dropped

    def close(self) -> None:
        """Let go of the device."""
        self._input.close()


class Loudspeaker:
    """The chosen output, or none. Written by one thread, changed by any."""

    def __init__(self, backend: AudioBackend, name: str | None, rate: int, say: Say) -> None:
        self._backend, self._rate, self._say = backend, rate, say
        self._lock = threading.Lock()
        self._output: AudioOutput = NoOutput(rate)
        self.choose(name)

    def choose(self, name: str | None) -> None:
        """Open the device `name` (None: the system's default) in place of the present one."""
        with self._lock:
            old = self._output
        old.close()
        try:
            new: AudioOutput = self._backend.open_output(name, self._rate)
        except UndertoneError as error:
            self._say(Notice("warning", f"{error} You can be heard, but not listen."))
            new = NoOutput(self._rate)
        with self._lock:
            self._output = new

    def write(self, pcm: np.ndarray) -> None:
        """Queue mono float samples."""
        with self._lock:
            current = self._output
        try:
            current.write(pcm)
        except DeviceLost as lost:
            self._lost(current, lost)

    def wait_below(self, seconds: float, timeout: float) -> bool:
        """Whether less than `seconds` of sound are queued, waiting up to `timeout` for it."""
        with self._lock:
            current = self._output
        try:
            return current.wait_below(seconds, timeout)
        except DeviceLost as lost:
            self._lost(current, lost)
            return False

    def _lost(self, current: AudioOutput, lost: DeviceLost) -> None:
        with self._lock:
            if current is not self._output:
                return
        self._say(Notice("warning", f"{lost} Trying the system's default loudspeaker."))
        self.choose(None)

    @property
    def queued(self) -> float:
        """Seconds of sound waiting to be played."""
        return self._output.queued

    @property
    def latency(self) -> float:
        """Seconds from leaving the queue to the ear."""
        return self._output.latency

    @property
    def level(self) -> float:
        """Recent level in dBFS."""
        return self._output.level

    @property
    def underruns(self) -> int:
        """How often the device asked for sound and there was none."""
        return self._output.underruns

    def close(self) -> None:
        """Let go of the device."""
        self._output.close()
