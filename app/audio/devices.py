"""The list of devices a person sees, made from PortAudio's own."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.audio.backend import DeviceInfo

Kind = Literal["input", "output"]

_PREFERRED_APIS = {"win32": "Windows WASAPI", "darwin": "Core Audio"}
"""Windows shows each device once for each of four host APIs, with names cut short in one of them;
WASAPI is the one the others are built on."""


@dataclass(frozen=True)
class Device:
    """A device in the list: what is shown, and PortAudio's number for it until the next refresh."""

    index: int
    info: DeviceInfo


def catalogue(
    devices: Sequence[Mapping[str, Any]],
    host_apis: Sequence[Mapping[str, Any]],
    kind: Kind,
    platform: str = sys.platform,
) -> list[Device]:
    """PortAudio's devices that can record (or play), the default first, each name once.

    `devices` and `host_apis` are what `sounddevice.query_devices` and `query_hostapis` return.
    """
    shown = _shown_apis(devices, host_apis, kind, platform)
    default = _default_index(devices, host_apis, kind, shown)
    found = [
        (index, raw)
        for index, raw in enumerate(devices)
        if raw["hostapi"] in shown and raw[f"max_{kind}_channels"] > 0
    ]
    found.sort(key=lambda entry: entry[0] != default)
    labels = _labels([raw for _, raw in found], host_apis)
    return [
        Device(
            index,
            DeviceInfo(
                name=label,
                host_api=host_apis[raw["hostapi"]]["name"],
                is_default=index == default,
                channels=int(raw[f"max_{kind}_channels"]),
                default_rate=round(raw["default_samplerate"]),
            ),
        )
        for (index, raw), label in zip(found, labels, strict=True)
    ]


def _shown_apis(
    devices: Sequence[Mapping[str, Any]],
    host_apis: Sequence[Mapping[str, Any]],
    kind: Kind,
    platform: str,
) -> list[int]:
    """The host APIs whose devices are listed, best first."""
    useful = [
        number
        for number, api in enumerate(host_apis)
        if any(devices[index][f"max_{kind}_channels"] > 0 for index in api["devices"])
    ]
    preferred = _PREFERRED_APIS.get(platform)
    return [n for n in useful if host_apis[n]["name"] == preferred] or useful


def _default_index(
    devices: Sequence[Mapping[str, Any]],
    host_apis: Sequence[Mapping[str, Any]],
    kind: Kind,
    shown: Sequence[int],
) -> int:
    """The default of the first API that has one, or else the first device; -1 if there is none."""
    for number in shown:
        index = int(host_apis[number][f"default_{kind}_device"])
        if 0 <= index < len(devices) and devices[index][f"max_{kind}_channels"] > 0:
            return index
    for number in shown:
        for index in host_apis[number]["devices"]:
            if devices[index][f"max_{kind}_channels"] > 0:
                return int(index)
    return -1


def _labels(
    found: Sequence[Mapping[str, Any]], host_apis: Sequence[Mapping[str, Any]]
) -> list[str]:
    """A name for each: the device's own, with its host API or a number where that is shared."""
    names = Counter(raw["name"] for raw in found)
    labels = [
        raw["name"]
        if names[raw["name"]] == 1
        else f"{raw['name']} ({host_apis[raw['hostapi']]['name']})"
        for raw in found
    ]
    repeated: Counter[str] = Counter()
    unique = []
    for label in labels:
        repeated[label] += 1
        unique.append(label if repeated[label] == 1 else f"{label} #{repeated[label]}")
    return unique
