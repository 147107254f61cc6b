"""Real PortAudio streams, recorded from and played to by other programs."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.virtual_audio import VirtualAudio, missing, virtual_audio

pytestmark = pytest.mark.devices

ROOT = Path(__file__).parents[2]
PROBE = Path(__file__).with_name("device_probe.py")
PATIENCE = 60.0


@pytest.fixture
def doomed() -> Iterator[VirtualAudio]:
    """A sound system of its own, for a test that breaks it."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with (
        tempfile.TemporaryDirectory(prefix="undertone-") as directory,
        virtual_audio(Path(directory), ["carol"]) as audio,
    ):
        yield audio


def start(env: dict[str, str], *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROBE), *map(str, arguments)],
        env={**env, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # ALSA talks to itself there
        text=True,
    )


def wait_until_open(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    return dict(json.loads(said.splitlines()[-1]))


def write_tone(path: Path, hertz: float, seconds: float, amplitude: float) -> None:
    moments = np.arange(round(48_000 * seconds)) / 48_000
    soundfile.write(path, amplitude * np.sin(2 * np.pi * hertz * moments), 48_000)


def strongest(pcm: np.ndarray, rate: int) -> float:
    """The frequency in Hz that the loudest half second holds most of."""
    window = rate // 2
    starts = range(0, len(pcm) - window, window // 4)
    first = max(starts, key=lambda at: float(np.sum(pcm[at : at + window] ** 2)))
    spectrum = np.abs(np.fft.rfft(pcm[first : first + window] * np.hanning(window)))
    return float(np.argmax(spectrum)) * rate / window


def test_the_devices_are_listed(virtual: VirtualAudio) -> None:
    listed = result(start(virtual.env("alice"), "list"))
    for kind in ("inputs", "outputs"):
        names = [device["name"] for device in listed[kind]]
        assert "default" in names
        assert len(names) == len(set(names))
        assert listed[kind][0]["is_default"]


def test_what_is_spoken_into_the_microphone_is_read(virtual: VirtualAudio, tmp_path: Path) -> None:
    write_tone(tmp_path / "tone.wav", 700.0, 6.0, 0.25)
    recorder = start(virtual.env("alice"), "capture", 4.0, tmp_path / "heard.npy")
    wait_until_open(recorder)
    speaking = virtual.start_speaking("alice", tmp_path / "tone.wav")
    told = result(recorder)
    speaking.terminate()
    speaking.wait(PATIENCE)
    pcm = np.load(tmp_path / "heard.npy")
    assert strongest(pcm, 16_000) == pytest.approx(700.0, abs=4.0)
    assert np.max(np.abs(pcm)) == pytest.approx(0.25, abs=0.03)
    assert told["level"] == pytest.approx(-15.0, abs=2.0)
    assert told["dropped"] == 0


def test_what_is_played_is_heard_from_the_loudspeaker(
    virtual: VirtualAudio, tmp_path: Path
) -> None:
    with virtual.hear("bob", tmp_path / "heard.wav") as recording:
        told = result(start(virtual.env("bob"), "play", 900.0, 2.5))
    pcm, rate = soundfile.read(recording)
    assert strongest(pcm, rate) == pytest.approx(900.0, abs=4.0)
    assert np.max(np.abs(pcm)) == pytest.approx(0.5, abs=0.05)
    assert told["drained"]
    assert told["deepest"] <= 0.15  # one chunk on top of what was allowed to wait


def test_people_do_not_hear_each_other_by_accident(virtual: VirtualAudio, tmp_path: Path) -> None:
    with virtual.hear("alice", tmp_path / "heard.wav") as recording:
        result(start(virtual.env("bob"), "play", 900.0, 0.5))
    with wave.open(str(recording)) as wav:
        assert not any(wav.readframes(wav.getnframes()))


def test_clicks_go_out_and_come_back(virtual: VirtualAudio) -> None:
    env = virtual.env("alice", microphone="ear_alice.monitor")
    told = result(start(env, "loop", 5.0))
    assert len(told["measured"]) >= 3
    assert told["dropped"] == 0
    assert told["rates"] == [16_000, 16_000]


@pytest.mark.parametrize("kind", ["input", "output"])
def test_one_sink_of_two_that_goes_is_survived_or_reported(doomed: VirtualAudio, kind: str) -> None:
    process = start(doomed.env("carol"), "outlive", kind, 5.0)
    wait_until_open(process)
    doomed.unplug("mic_carol" if kind == "input" else "ear_carol")
    told = result(process)
    assert told["ended"] == "still there" or told["ended"].startswith("lost")


@pytest.mark.parametrize("kind", ["input", "output"])
def test_when_the_last_device_goes_it_is_lost_and_another_can_be_opened(
    doomed: VirtualAudio, kind: str
) -> None:
    process = start(doomed.env("carol"), "outlive", kind, 30.0)
    wait_until_open(process)
    doomed.unplug("mic_carol")
    doomed.unplug("ear_carol")
    told = result(process)
    assert told["ended"].startswith("lost: The ")
    assert "was unplugged or stopped answering" in told["ended"]
    assert told["inputs"]  # closing came back, and the sound system starts anew


@pytest.mark.parametrize("kind", ["input", "output"])
def test_when_the_sound_server_dies_the_device_is_lost(doomed: VirtualAudio, kind: str) -> None:
    process = start(doomed.env("carol"), "outlive", kind, 30.0)
    wait_until_open(process)
    doomed.stop()
    assert result(process)["ended"].startswith("lost: The ")


@pytest.mark.parametrize("kind", ["input", "output"])
def test_a_device_that_comes_back_is_opened_again(doomed: VirtualAudio, kind: str) -> None:
    process = start(doomed.env("carol"), "reopen", kind)
    wait_until_open(process)
    doomed.stop()
    assert process.stdout is not None
    assert process.stdout.readline() == "lost\n"
    doomed.start(["carol"])
    assert result(process)["works_again"]
