"""The backend with a sounddevice that the test holds in its hands; see test_real_devices.py."""

from __future__ import annotations

import builtins
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from app.audio.backend import (
    AudioBackend,
    DeviceBusy,
    DeviceFailed,
    DeviceNotFound,
    NoLoudspeaker,
    NoMicrophone,
    PortAudioMissing,
)
from app.audio.portaudio import PortAudioBackend, install_hint

UNAVAILABLE = -9985
INVALID_RATE = -9997


class FakePortAudioError(Exception):
    pass


class FakeStream:
    latency = 0.03

    def __init__(self, library: FakeSoundDevice, **options: Any) -> None:
        library.note()
        self.library = library
        self.options = options
        refusal = library.refuse(options)
        if refusal:
            raise FakePortAudioError("Error opening stream", refusal)
        library.opened.append(self)

    def start(self) -> None:
        self.library.note()

    def abort(self, ignore_errors: bool) -> None:
        self.library.note()

    def close(self, ignore_errors: bool) -> None:
        self.library.note()
        self.library.opened.remove(self)


class FakeSoundDevice(ModuleType):
    """As much of sounddevice as the backend uses, with `plugged` devices seen at each start."""

    PortAudioError = FakePortAudioError

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self._initialized = 1
        self.plugged = [("Built-in", 1, 2)]
        self.listed = list(self.plugged)
        self.opened: list[FakeStream] = []
        self.threads: set[str] = set()
        self.api = "ALSA"
        self.refuse = lambda options: 0

    def note(self) -> None:
        self.threads.add(threading.current_thread().name)

    def query_devices(self) -> list[dict[str, Any]]:
        self.note()
        return [
            {
                "name": name,
                "hostapi": 0,
                "max_input_channels": inputs,
                "max_output_channels": outputs,
                "default_samplerate": 44_100.0,
            }
            for name, inputs, outputs in self.listed
        ]

    def query_hostapis(self) -> list[dict[str, Any]]:
        return [
            {
                "name": self.api,
                "devices": list(range(len(self.listed))),
                "default_input_device": 0 if self.listed else -1,
                "default_output_device": 0 if self.listed else -1,
            }
        ]

    def InputStream(self, **options: Any) -> FakeStream:  # noqa: N802 - sounddevice's name
        return FakeStream(self, **options)

    OutputStream = InputStream

    def WasapiSettings(self, auto_convert: bool) -> tuple[str, bool]:  # noqa: N802
        return ("wasapi", auto_convert)

    def _terminate(self) -> None:
        self.note()
        self._initialized -= 1

    def _initialize(self) -> None:
        self.note()
        self._initialized += 1
        self.listed = list(self.plugged)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> FakeSoundDevice:
    fake = FakeSoundDevice()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


@pytest.fixture
def backend(library: FakeSoundDevice, fake_time) -> Iterator[PortAudioBackend]:
    made = PortAudioBackend(clock=fake_time.clock)
    yield made
    made.close()


def test_it_is_what_the_engine_asks_for(backend: PortAudioBackend) -> None:
    assert isinstance(backend, AudioBackend)


def test_everything_happens_on_one_thread(backend, library, fake_time) -> None:
    backend.inputs()
    microphone = backend.open_input(None)
    loudspeaker = backend.open_output("Built-in", 16_000)
    microphone.close()
    loudspeaker.close()
    fake_time.now += 5.0
    backend.outputs()
    backend.close()
    assert library.threads == {"portaudio"}
    assert not library.opened
    assert library._initialized == 0


def test_our_rate_in_mono_is_tried_first(backend, library) -> None:
    backend.open_input(None)
    options = library.opened[0].options
    assert (options["samplerate"], options["channels"]) == (16_000, 1)
    assert options["blocksize"] == 160
    assert options["latency"] == 0.03
    assert options["extra_settings"] is None


def test_a_device_that_refuses_our_rate_is_opened_at_its_own(backend, library) -> None:
    library.refuse = lambda options: INVALID_RATE if options["samplerate"] == 16_000 else 0
    assert backend.open_input(None).plan.rate == 44_100
    output = backend.open_output(None, 16_000)
    assert (output.rate, output.plan.rate, output.plan.block) == (16_000, 44_100, 441)


def test_a_device_that_refuses_mono_is_opened_in_stereo(backend, library) -> None:
    library.refuse = lambda options: 0 if options["channels"] == 2 else INVALID_RATE
    plan = backend.open_output(None, 16_000).plan
    assert (plan.rate, plan.channels) == (44_100, 2)


def test_windows_converts_rates_itself(backend, library) -> None:
    library.api = "Windows WASAPI"
    backend.open_input(None)
    assert library.opened[0].options["extra_settings"] == ("wasapi", True)


def test_a_device_another_program_holds(backend, library) -> None:
    library.refuse = lambda options: UNAVAILABLE
    with pytest.raises(DeviceBusy, match="Another program is using “Built-in”"):
        backend.open_input(None)


def test_a_device_that_fails_says_so_in_portaudios_words(backend, library) -> None:
    library.refuse = lambda options: INVALID_RATE
    with pytest.raises(DeviceFailed, match="Error opening stream") as caught:
        backend.open_output(None, 16_000)
    assert not isinstance(caught.value, DeviceBusy)


def test_without_devices_each_direction_has_its_own_words(backend, library) -> None:
    library.plugged = library.listed = []
    assert backend.inputs() == []
    with pytest.raises(NoMicrophone, match="No microphone was found"):
        backend.open_input(None)
    with pytest.raises(NoLoudspeaker):
        backend.open_output("Headset", 16_000)


def test_a_chosen_device_that_is_not_there_is_named(backend, library) -> None:
    with pytest.raises(DeviceNotFound, match="microphone “Headset” is not connected") as caught:
        backend.open_input("Headset")
    assert caught.value.name == "Headset"


def test_a_chosen_device_plugged_in_since_is_found(backend, library) -> None:
    assert [info.name for info in backend.inputs()] == ["Built-in"]
    library.plugged.append(("Headset", 1, 2))
    assert backend.open_input("Headset").plan.name == "Headset"


def test_devices_plugged_in_or_out_show_in_the_next_list(backend, library, fake_time) -> None:
    backend.inputs()
    library.plugged.append(("Headset", 1, 0))
    fake_time.now += 5.0
    assert [info.name for info in backend.inputs()] == ["Built-in", "Headset"]
    library.plugged.pop(0)
    fake_time.now += 5.0
    assert backend.outputs() == []
    assert [info.name for info in backend.inputs()] == ["Headset"]


def test_both_lists_cost_one_look(backend, library, fake_time) -> None:
    backend.inputs()
    fake_time.now += 5.0
    starts = []
    library._initialize = lambda: starts.append(fake_time.now)
    backend.inputs()
    backend.outputs()
    assert len(starts) == 1
    fake_time.now += 5.0
    backend.outputs()
    assert len(starts) == 2


def test_a_new_default_device_is_the_one_opened(backend, library, fake_time) -> None:
    backend.inputs()
    library.plugged.insert(0, ("Headset", 1, 2))
    fake_time.now += 5.0
    assert backend.open_input(None).plan.name == "Headset"


def test_a_chosen_device_unplugged_since_is_named(backend, library, fake_time) -> None:
    library.plugged.append(("Headset", 1, 2))
    library.listed = list(library.plugged)
    assert len(backend.inputs()) == 2
    library.plugged.pop()
    fake_time.now += 5.0
    with pytest.raises(DeviceNotFound):
        backend.open_input("Headset")


def test_devices_are_not_looked_for_while_one_is_open(backend, library, fake_time) -> None:
    microphone = backend.open_input(None)
    library.plugged.append(("Headset", 1, 2))
    fake_time.now += 5.0
    assert len(backend.inputs()) == 1
    with pytest.raises(DeviceNotFound):
        backend.open_output("Headset", 16_000)
    assert library.opened == [microphone.stream]
    microphone.close()
    assert len(backend.inputs()) == 2


def test_a_driver_that_hangs_in_closing_does_not_hold_up_the_call(
    backend, library, monkeypatch
) -> None:
    monkeypatch.setattr("app.audio.portaudio._CLOSE_SECONDS", 0.05)
    microphone = backend.open_input(None)
    hanging = threading.Event()
    monkeypatch.setattr(FakeStream, "abort", lambda self, ignore_errors: hanging.wait(30.0))
    microphone.close()
    assert library.opened  # it came back although the driver did not
    hanging.set()


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without_portaudio(name: str, *rest: Any, **more: Any) -> Any:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return real_import(name, *rest, **more)

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_portaudio)
    backend = PortAudioBackend()
    with pytest.raises(PortAudioMissing, match="The PortAudio library is missing"):
        backend.inputs()
    backend.close()


@pytest.mark.parametrize(
    ("platform", "words"),
    [("linux", "apt install libportaudio2"), ("darwin", "brew"), ("win32", "install Undertone")],
)
def test_the_hint_fits_the_system(platform: str, words: str) -> None:
    assert words in install_hint(platform)


def test_a_system_that_fails_to_start_is_an_error_for_people(backend, library, fake_time) -> None:
    backend.inputs()

    def fail() -> None:
        raise FakePortAudioError("Error initializing PortAudio", -9999)

    library._initialize = fail
    fake_time.now += 5.0
    with pytest.raises(DeviceFailed, match="Error initializing PortAudio"):
        backend.inputs()
    del library._initialize
    assert backend.inputs()


def test_a_closed_backend_refuses_and_closes_again(backend, library) -> None:
    microphone = backend.open_input(None)
    backend.close()
    assert not library.opened
    microphone.close()
    backend.close()
    with pytest.raises(DeviceFailed, match="has been closed"):
        backend.inputs()
