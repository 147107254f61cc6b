from __future__ import annotations

from typing import Any

from app.audio.devices import catalogue


def device(name: str, api: int, inputs: int, outputs: int, rate: float = 48_000.0) -> dict:
    return {
        "name": name,
        "hostapi": api,
        "max_input_channels": inputs,
        "max_output_channels": outputs,
        "default_samplerate": rate,
    }


def api(name: str, devices: list[int], default_in: int, default_out: int) -> dict[str, Any]:
    return {
        "name": name,
        "devices": devices,
        "default_input_device": default_in,
        "default_output_device": default_out,
    }


def test_directions_are_kept_apart_and_the_default_comes_first() -> None:
    devices = [
        device("Built-in Microphone", 0, 1, 0, 44_100.0),
        device("Built-in Output", 0, 0, 2),
        device("Headset", 0, 1, 2, 16_000.0),
    ]
    apis = [api("Core Audio", [0, 1, 2], 2, 1)]
    inputs = catalogue(devices, apis, "input", "darwin")
    assert [(d.index, d.info.name, d.info.is_default) for d in inputs] == [
        (2, "Headset", True),
        (0, "Built-in Microphone", False),
    ]
    assert inputs[1].info.default_rate == 44_100
    assert inputs[1].info.channels == 1
    assert inputs[1].info.host_api == "Core Audio"
    outputs = catalogue(devices, apis, "output", "darwin")
    assert [d.info.name for d in outputs] == ["Built-in Output", "Headset"]


def test_windows_shows_each_device_once() -> None:
    devices = [
        device("Microsoft Sound Mapper", 0, 2, 0),
        device("Microphone (USB Audio Device wit", 0, 1, 0),
        device("Microphone (USB Audio Device with a long name)", 1, 1, 0),
    ]
    apis = [api("MME", [0, 1], 0, -1), api("Windows WASAPI", [2], 2, -1)]
    shown = catalogue(devices, apis, "input", "win32")
    assert [(d.index, d.info.is_default) for d in shown] == [(2, True)]


def test_another_host_api_serves_where_the_preferred_one_has_nothing() -> None:
    devices = [device("Line In", 0, 2, 0)]
    apis = [api("MME", [0], 0, -1), api("Windows WASAPI", [], -1, -1)]
    assert [d.info.name for d in catalogue(devices, apis, "input", "win32")] == ["Line In"]


def test_equal_names_are_told_apart() -> None:
    devices = [
        device("USB", 0, 1, 0),
        device("USB", 0, 1, 0),
        device("USB", 1, 1, 0),
        device("Webcam", 0, 1, 0),
    ]
    apis = [api("ALSA", [0, 1, 3], 3, -1), api("JACK Audio Connection Kit", [2], 2, -1)]
    names = [d.info.name for d in catalogue(devices, apis, "input", "linux")]
    assert names == ["Webcam", "USB (ALSA)", "USB (ALSA) #2", "USB (JACK Audio Connection Kit)"]
    assert len(set(names)) == 4


def test_without_a_stated_default_the_first_device_is_it() -> None:
    devices = [device("Out", 0, 0, 2), device("Mic", 0, 1, 0)]
    apis = [api("ALSA", [0, 1], -1, -1)]
    assert catalogue(devices, apis, "input", "linux")[0].info.is_default


def test_no_devices_is_an_empty_list() -> None:
    assert catalogue([], [api("ALSA", [], -1, -1)], "input", "linux") == []
    assert catalogue([device("Out", 0, 0, 2)], [api("ALSA", [0], -1, 0)], "input", "linux") == []
