"""Devices that come, go and stall."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from app.audio.backend import DeviceLost, DeviceNotFound, NoMicrophone
from app.audio.silence import NoInput
from app.core.state import Notice
from app.engine.sound import ZEROS_ONLY, Microphone

SAMPLES = 160


class Device(NoInput):
    """A microphone that can be pulled out; it knows whether it was closed."""

    def __init__(self, name: str | None, lost: bool = False) -> None:
        super().__init__()
        self.name = name
        self.is_lost = lost
        self.is_closed = False
        self.zero_seconds = 0.0

    def read(self, samples: int, timeout: float) -> np.ndarray | None:
        if self.is_lost:
            raise DeviceLost(self.name or "default", "microphone")
        return np.full(samples, 0.5, np.float32)

    def close(self) -> None:
        self.is_closed = True


class Backend:
    """Gives devices, keeps them for the test to look at."""

    def __init__(self) -> None:
        self.opened: list[Device] = []
        self.fails: Exception | None = None
        self.next_is_lost = False
        self.gate = threading.Event()
        self.gate.set()
        self.at_the_gate = threading.Event()

    def open_input(self, name: str | None) -> Device:
        self.at_the_gate.set()
        assert self.gate.wait(10)
        if self.fails is not None:
            raise self.fails
        if name == "gone":
            raise DeviceNotFound(name, "microphone")
        self.opened.append(Device(name, self.next_is_lost))
        return self.opened[-1]


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def told() -> list[Notice]:
    return []


def test_a_choice_that_is_gone_is_told_and_the_default_serves(backend, told):
    microphone = Microphone(backend, "gone", told.append)
    assert [device.name for device in backend.opened] == [None]
    assert "gone" in told[0].text
    assert microphone.read(SAMPLES, 1.0).max() == 0.5


def test_without_any_microphone_there_is_silence_and_a_word(backend, told):
    backend.fails = NoMicrophone()
    microphone = Microphone(backend, None, told.append)
    assert not microphone.read(SAMPLES, 1.0).any()
    assert "not be heard" in told[0].text


def test_a_lost_device_gives_way_to_the_default(backend, told):
    microphone = Microphone(backend, "usb", told.append)
    backend.opened[0].is_lost = True
    assert microphone.read(SAMPLES, 1.0) is None
    assert backend.opened[0].is_closed
    assert [device.name for device in backend.opened] == ["usb", None]
    assert microphone.read(SAMPLES, 1.0).max() == 0.5
    assert len(told) == 1


def test_a_device_that_fails_again_and_again_is_given_up(backend, told):
    backend.next_is_lost = True
    microphone = Microphone(backend, None, told.append)
    for _ in range(5):
        microphone.read(SAMPLES, 0.1)
    assert len(backend.opened) == 2
    assert len(told) == 2
    assert "not be heard" in told[-1].text
    assert not microphone.read(SAMPLES, 1.0).any()
    assert all(device.is_closed for device in backend.opened)


def test_changing_devices_leaves_none_open_behind(backend, told):
    microphone = Microphone(backend, "one", told.append)
    microphone.choose("two")
    assert [device.is_closed for device in backend.opened] == [True, False]
    microphone.close()
    assert [device.is_closed for device in backend.opened] == [True, True]


def test_while_a_device_opens_its_reader_waits_in_silence(backend, told):
    microphone = Microphone(backend, "one", told.append)
    backend.at_the_gate.clear()
    backend.gate.clear()
    changing = threading.Thread(target=microphone.choose, args=("two",))
    changing.start()
    assert backend.at_the_gate.wait(10)
    began = time.monotonic()
    reads = 0
    while time.monotonic() - began < 0.3:
        assert not microphone.read(1600, 1.0).any()
        reads += 1
    assert reads < 10
    backend.gate.set()
    changing.join(10)
    assert microphone.read(SAMPLES, 1.0).max() == 0.5


def test_a_device_that_opens_after_the_end_is_closed(backend, told):
    microphone = Microphone(backend, "one", told.append)
    backend.at_the_gate.clear()
    backend.gate.clear()
    changing = threading.Thread(target=microphone.choose, args=("two",))
    changing.start()
    assert backend.at_the_gate.wait(10)
    microphone.close()
    backend.gate.set()
    changing.join(10)
    assert [device.is_closed for device in backend.opened] == [True, True]


def test_nothing_but_zeros_is_told_once(backend, told):
    microphone = Microphone(backend, None, told.append)
    microphone.read(SAMPLES, 1.0)
    assert told == []
    backend.opened[0].zero_seconds = 10.0
    for _ in range(3):
        microphone.read(SAMPLES, 1.0)
    assert [notice.text for notice in told] == [ZEROS_ONLY]
