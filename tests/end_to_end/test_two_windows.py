"""Two people at two windows, each with a microphone and a loudspeaker, connect by pasting links
and hear each other: real processes, a real X server, real PortAudio streams, real WebRTC."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

ROOT = Path(__file__).parents[2]
SETTLE_SECONDS = 4.0  # PulseAudio's null sinks stall for a moment when a stream begins.
RATE = 16_000
PATIENCE = 30

pytestmark = [pytest.mark.devices, pytest.mark.window]


def envelope(sig: np.ndarray) -> np.ndarray:
    """Loudness each 10 ms, in dB above a floor, around its mean."""
    frames = sig[: len(sig) // 160 * 160].reshape(-1, 160)
    level = 20 * np.log10(np.sqrt(np.mean(frames**2, axis=1)) + 1e-3)
    return level - level.mean()


def likeness(spoken: Path, heard: Path) -> float:
    """The best correlation of the two envelopes over all delays, -1 to 1."""
    said, rate = soundfile.read(spoken)
    said = envelope(soxr.resample(said, rate, RATE))
    got, rate = soundfile.read(heard)
    got = envelope(soxr.resample(got, rate, RATE))
    shifts = range(max(1, len(got) - len(said)))
    windows = [got[s : s + len(said)] for s in shifts if len(got) >= s + len(said)]
    assert windows, "the recording is shorter than what was said"
    return max(float(np.corrcoef(said, window)[0, 1]) for window in windows if window.std() > 0.1)


def start(name: str, audio, screen, folder: Path) -> subprocess.Popen[bytes]:
    environment = {
        **screen.env(audio.env(name)),
        "PYTHONPATH": str(ROOT),
        "XDG_CONFIG_HOME": str(folder / name),
    }
    command = [sys.executable, "-m", "app", "call", "--loopback", "--name", name.capitalize()]
    return subprocess.Popen(command, env=environment, cwd=folder)


def test_two_windows_connect_by_links_and_each_hears_the_other(audio, screen, clip, tmp_path):
    processes = [start(name, audio, screen, tmp_path) for name in ("alice", "bob")]
    try:
        alice, bob = (screen.window(process.pid, "Undertone") for process in processes)
        screen.place(alice, 10, 20)
        screen.place(bob, 925, 20)
        screen.press(alice, "space")  # “New call” has the keyboard first.
        invite = screen.copied(alice, "space")  # So has “Copy” on the page after.
        screen.press(bob, "Tab", "ctrl+v", "space")
        screen.copied(bob, "space", besides=invite)
        screen.press(alice, "Tab", "ctrl+v", "space")
        time.sleep(SETTLE_SECONDS)
        with audio.hear("bob", tmp_path / "bob.wav"):
            speaking = audio.start_speaking("alice", clip)
            time.sleep(3)
            if "SCREENSHOT" in os.environ:
                screen.picture(Path(os.environ["SCREENSHOT"]))
            speaking.wait(60)
            time.sleep(1.5)
        with audio.hear("alice", tmp_path / "alice.wav"):
            audio.speak("bob", clip)
            time.sleep(1.5)
        assert likeness(clip, tmp_path / "bob.wav") > 0.6
        assert likeness(clip, tmp_path / "alice.wav") > 0.6
        screen.close(alice)
        assert processes[0].wait(PATIENCE) == 0
        assert processes[1].poll() is None  # Bob is told that the call is over, and stays.
        screen.close(bob)
        assert processes[1].wait(PATIENCE) == 0
    finally:
        for process in processes:
            process.kill()
            process.wait(PATIENCE)
