"""Microphones and loudspeakers through PortAudio, by way of sounddevice."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from types import ModuleType
from typing import Any, TypeVar

from app.audio.backend import (
    SPEECH_RATE,
    DeviceBusy,
    DeviceFailed,
    DeviceInfo,
    DeviceNotFound,
    NoLoudspeaker,
    NoMicrophone,
    PortAudioMissing,
)
from app.audio.devices import Device, Kind, catalogue
from app.audio.streams import PortAudioInput, PortAudioOutput, StreamPlan

T = TypeVar("T")
Opened = TypeVar("Opened", PortAudioInput, PortAudioOutput)

BLOCK_SECONDS = 0.010
INPUT_LATENCY_SECONDS = 0.030
OUTPUT_LATENCY_SECONDS = 0.020
"""The shortest that ran without gaps through PulseAudio while torch kept both of two cores busy.
Recording into 20 ms had gaps, and 30 ms cost nothing, since it is only room for a late reader;
playing out of 30 ms instead of 20 costs 10 ms, and blocks of 20 ms cost 20 there and back."""

_FRESH_SECONDS = 1.0
"""A list this young is not made anew: whoever asks for the inputs asks for the outputs next."""

_ANSWER_SECONDS = 15.0
_CLOSE_SECONDS = 3.0
_DEVICE_UNAVAILABLE = -9985  # paDeviceUnavailable, portaudio.h
_KIND_WORDS: dict[Kind, str] = {"input": "microphone", "output": "loudspeaker"}


def install_hint(platform: str = sys.platform) -> str:
    """How to get PortAudio on this system, in a sentence."""
    if platform.startswith("linux"):
        return (
            "Install it with your system's package tool (Debian and Ubuntu: sudo apt install "
            "libportaudio2; Fedora: sudo dnf install portaudio; Arch: sudo pacman -S portaudio), "
            "then start Undertone again."
        )
    if platform == "darwin":
        return "Install Undertone again, or run brew install portaudio, then start it again."
    return "It comes with Undertone: install Undertone again."


class _OneThread:
    """Runs work handed to it on a thread of its own, one piece after another."""

    def __init__(self, name: str) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.stopped = False
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def call(self, work: Callable[[], T], timeout: float = _ANSWER_SECONDS) -> T:
        """The result of `work`, or what it raised; DeviceFailed if it takes over `timeout` s."""
        if self.stopped:
            raise DeviceFailed("the sound system", "it has been closed")
        answer: Future[T] = Future()

        def task() -> None:
            try:
                answer.set_result(work())
            except BaseException as error:
                answer.set_exception(error)

        self._work.put(task)
        try:
            return answer.result(timeout)
        except FutureTimeout:
            if answer.done():
                raise
            raise DeviceFailed("the sound system", "no answer") from None

    def stop(self) -> None:
        self.stopped = True
        self._work.put(None)

    def _run(self) -> None:
        while (task := self._work.get()) is not None:
            task()


class PortAudioBackend:
    """The system's microphones and loudspeakers. One in a process: PortAudio's state is global.

    Every call into PortAudio happens on one thread, since its host APIs (WASAPI by its COM
    apartments, ALSA by its lack of locks) do not promise to bear more. Nothing is loaded before
    the first call, which raises PortAudioMissing if there is no PortAudio library.
    """

    def __init__(
        self,
        *,
        block_seconds: float = BLOCK_SECONDS,
        input_latency: float = INPUT_LATENCY_SECONDS,
        output_latency: float = OUTPUT_LATENCY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._block_seconds = block_seconds
        self._latency: dict[Kind, float] = {"input": input_latency, "output": output_latency}
        self._thread = _OneThread("portaudio")
        self._library: ModuleType | None = None
        self._looked_at = float("-inf")  # when PortAudio last made its list
        self._open: list[Any] = []  # sounddevice streams; only touched on the thread

    def inputs(self) -> list[DeviceInfo]:
        """Microphones, the default first. As of now, or while a device is open, as of before."""
        return self._thread.call(lambda: self._infos("input"))

    def outputs(self) -> list[DeviceInfo]:
        """Loudspeakers, the default first. As of now, or while a device is open, as of before."""
        return self._thread.call(lambda: self._infos("output"))

    def open_input(self, name: str | None) -> PortAudioInput:
        """Open a microphone, None for the default one.

        Raises NoMicrophone, DeviceNotFound, DeviceBusy, DeviceFailed, PortAudioMissing.
        """

        def work() -> PortAudioInput:
            device = self._find(name, "input")
            return self._first_that_opens(
                device, "input", SPEECH_RATE, lambda plan: PortAudioInput(plan, self._close_stream)
            )

        return self._thread.call(work)

    def open_output(self, name: str | None, rate: int) -> PortAudioOutput:
        """Open a loudspeaker for mono at `rate` Hz, None for the default one.

        Raises NoLoudspeaker, DeviceNotFound, DeviceBusy, DeviceFailed, PortAudioMissing.
        """

        def work() -> PortAudioOutput:
            device = self._find(name, "output")
            return self._first_that_opens(
                device,
                "output",
                rate,
                lambda plan: PortAudioOutput(plan, rate, self._close_stream),
            )

        return self._thread.call(work)

    def close(self) -> None:
        """Close what is open and let PortAudio go. The backend cannot be used again."""
        with contextlib.suppress(DeviceFailed):  # a driver that hangs is left behind
            self._thread.call(self._shut_down, _CLOSE_SECONDS)
        self._thread.stop()

    # From here on everything runs on PortAudio's thread.

    def _sounddevice(self) -> ModuleType:
        if self._library is None:
            try:
                import sounddevice

                if not sounddevice._initialized:
                    sounddevice._initialize()
                self._looked_at = self._clock()
            except OSError as error:  # sounddevice's way to say the library is not there
                raise PortAudioMissing(
                    "The PortAudio library is missing, so no microphone or loudspeaker can be "
                    f"used. {install_hint()}"
                ) from error
            except Exception as error:  # its PortAudioError, which has no name yet
                raise DeviceFailed("the sound system", str(error)) from error
            self._library = sounddevice
        return self._library

    def _list(self, kind: Kind) -> list[Device]:
        library = self._sounddevice()
        return catalogue(library.query_devices(), library.query_hostapis(), kind)

    def _infos(self, kind: Kind) -> list[DeviceInfo]:
        self._refresh()
        return [device.info for device in self._list(kind)]

    def _refresh(self, even_if_fresh: bool = False) -> None:
        """Look for devices plugged in or out, if that can be done now.

        PortAudio lists devices only when it starts, and restarting it stops every stream.
        """
        library = self._sounddevice()
        is_fresh = self._clock() - self._looked_at < _FRESH_SECONDS
        if self._open or (is_fresh and not even_if_fresh):
            return
        library._terminate()
        try:
            library._initialize()
        except library.PortAudioError as error:
            self._library = None  # so that the next call tries again
            raise DeviceFailed("the sound system", str(error)) from error
        self._looked_at = self._clock()

    def _find(self, name: str | None, kind: Kind) -> Device:
        self._refresh()  # even a name that is listed may be gone, and the default be another
        device = self._look_up(name, kind)
        if device is None:
            self._refresh(even_if_fresh=True)
            device = self._look_up(name, kind)
        if device is not None:
            return device
        if not self._list(kind):
            raise NoMicrophone if kind == "input" else NoLoudspeaker
        raise DeviceNotFound(name or "default", _KIND_WORDS[kind])

    def _look_up(self, name: str | None, kind: Kind) -> Device | None:
        devices = self._list(kind)
        if name is None:
            return devices[0] if devices else None
        return next((device for device in devices if device.info.name == name), None)

    def _first_that_opens(
        self, device: Device, kind: Kind, rate: int, make: Callable[[StreamPlan], Opened]
    ) -> Opened:
        library = self._sounddevice()
        make_stream = library.InputStream if kind == "input" else library.OutputStream
        failure: Exception | None = None
        for plan in self._plans(device, kind, rate):
            opened = make(plan)
            try:
                opened.start(make_stream)
            except library.PortAudioError as error:
                failure = error
                continue
            self._open.append(opened.stream)
            return opened
        raise _failed(device.info.name, failure) from failure

    def _plans(self, device: Device, kind: Kind, rate: int) -> Iterator[StreamPlan]:
        """The ways to open a device, best first: our rate in mono, then the device's own."""
        info = device.info
        extra = None
        if info.host_api == "Windows WASAPI":
            extra = self._sounddevice().WasapiSettings(auto_convert=True)
        shapes = [(rate, 1), (info.default_rate, 1), (info.default_rate, min(info.channels, 2))]
        for stream_rate, channels in dict.fromkeys(shapes):
            yield StreamPlan(
                device=device.index,
                name=info.name,
                rate=stream_rate,
                channels=channels,
                block=round(self._block_seconds * stream_rate),
                latency=self._latency[kind],
                extra=extra,
            )

    def _close_stream(self, stream: Any) -> None:
        """Called from any thread."""

        def work() -> None:
            if stream in self._open:
                self._open.remove(stream)
                stream.abort(ignore_errors=True)
                stream.close(ignore_errors=True)

        # The driver of a device that vanished may hang; the call goes on without it.
        with contextlib.suppress(DeviceFailed):
            self._thread.call(work, _CLOSE_SECONDS)

    def _shut_down(self) -> None:
        for stream in self._open:
            stream.abort(ignore_errors=True)
            stream.close(ignore_errors=True)
        self._open.clear()
        if self._library is not None and self._library._initialized:
            self._library._terminate()


def _failed(name: str, failure: Exception | None) -> DeviceFailed:
    """PortAudio's refusal as an error for people."""
    args = failure.args if failure else ()
    busy = len(args) > 1 and args[1] == _DEVICE_UNAVAILABLE
    return (DeviceBusy if busy else DeviceFailed)(name, str(failure or "no way to open it"))
