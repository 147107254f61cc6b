"""What a test runs in a person's own process, to use their devices; prints one line of JSON.

python device_probe.py list | capture SECONDS OUT.npy | play HZ SECONDS | loop SECONDS |
                       outlive input|output SECONDS | reopen input|output
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from app.audio.backend import AudioError, DeviceLost
from app.audio.portaudio import PortAudioBackend

CHUNK = 1280
RATE = 16_000


def list_devices(backend: PortAudioBackend) -> dict[str, Any]:
    return {
        "inputs": [info.__dict__ for info in backend.inputs()],
        "outputs": [info.__dict__ for info in backend.outputs()],
    }


def capture(backend: PortAudioBackend, seconds: str, path: str) -> dict[str, Any]:
    """Record, after telling that the microphone is open."""
    microphone = backend.open_input(None)
    print("open", flush=True)
    chunks = []
    while len(chunks) * CHUNK < float(seconds) * RATE:
        pcm = microphone.read(CHUNK, 5.0)
        if pcm is not None:
            chunks.append(pcm)
    level = microphone.level
    latency = microphone.latency
    microphone.close()
    np.save(path, np.concatenate(chunks))
    return {"level": level, "latency": latency, "dropped": microphone.dropped}


def play(backend: PortAudioBackend, hertz: str, seconds: str) -> dict[str, Any]:
    """Play a tone, never letting more than 60 ms wait."""
    loudspeaker = backend.open_output(None, RATE)
    deepest = 0.0
    for first in range(0, int(float(seconds) * RATE), CHUNK):
        loudspeaker.wait_below(0.06, 10.0)
        moments = np.arange(first, first + CHUNK) / RATE
        loudspeaker.write((0.5 * np.sin(2 * np.pi * float(hertz) * moments)).astype(np.float32))
        deepest = max(deepest, loudspeaker.queued)
    drained = loudspeaker.wait_below(0.0, 10.0)
    latency = loudspeaker.latency
    time.sleep(0.2)
    loudspeaker.close()
    return {"drained": drained, "latency": latency, "deepest": deepest}


def loop(backend: PortAudioBackend, seconds: str) -> dict[str, Any]:
    """Clicks from loudspeaker to microphone (which must be its monitor): the time they take."""
    microphone = backend.open_input(None)
    loudspeaker = backend.open_output(None, RATE)
    sent: list[float] = []
    measured: list[float] = []
    told: list[float] = []
    started = time.monotonic()
    next_click = started + 3.0
    while time.monotonic() < started + float(seconds):
        pcm = microphone.read(160, 0.1)
        now = time.monotonic()
        if pcm is not None and np.max(np.abs(pcm)) > 0.3 and len(measured) < len(sent):
            measured.append(now - sent[-1])
        loudspeaker.write(np.zeros(max(0, 320 - int(loudspeaker.queued * RATE)), np.float32))
        if now > next_click:
            next_click = now + 0.3137
            told.append(loudspeaker.queued + loudspeaker.latency + microphone.latency)
            sent.append(time.monotonic())
            loudspeaker.write(np.full(80, 0.9, np.float32))
    counts = {"dropped": microphone.dropped, "underruns": loudspeaker.underruns}
    parts = [microphone.latency, loudspeaker.latency]
    rates = [microphone.plan.rate, loudspeaker.plan.rate]
    microphone.close()
    loudspeaker.close()
    return {"measured": measured, "told": told, "parts": parts, "rates": rates, **counts}


def outlive(backend: PortAudioBackend, kind: str, seconds: str) -> dict[str, Any]:
    """Use a device that the test takes away; tell how that ended and what is there after it."""
    device: Any = backend.open_input(None) if kind == "input" else backend.open_output(None, RATE)
    ended = "still there"
    until = time.monotonic() + float(seconds)
    try:
        told = False
        while time.monotonic() < until:
            if kind == "input":
                worked = device.read(CHUNK, 1.0) is not None
            else:
                worked = device.wait_below(0.1, 1.0)
                device.write(np.zeros(CHUNK, np.float32))
            if worked and not told:
                told = True
                print("open", flush=True)
    except DeviceLost as error:
        ended = f"lost: {error}"
    device.close()
    return {"ended": ended, "inputs": [info.name for info in backend.inputs()]}


def reopen(backend: PortAudioBackend, kind: str) -> dict[str, Any]:
    """Lose a device, then try every half second to get it back, as a call would."""
    outlived = outlive(backend, kind, "30")
    print(outlived["ended"].split(":")[0], flush=True)
    for _ in range(60):
        time.sleep(0.5)
        try:
            if kind == "input":
                microphone = backend.open_input(None)
                works = microphone.read(CHUNK, 5.0) is not None
            else:
                loudspeaker = backend.open_output(None, RATE)
                loudspeaker.write(np.zeros(CHUNK, np.float32))
                works = loudspeaker.wait_below(0.0, 5.0)
        except AudioError:
            continue
        return {"works_again": works}
    return {"works_again": False}


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "list": list_devices,
    "capture": capture,
    "play": play,
    "loop": loop,
    "outlive": outlive,
    "reopen": reopen,
}


def main() -> None:
    backend = PortAudioBackend()
    result = COMMANDS[sys.argv[1]](backend, *sys.argv[2:])
    backend.close()
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
