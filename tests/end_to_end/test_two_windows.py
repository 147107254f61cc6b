"""Two people at two windows, each with a microphone and a loudspeaker, connect by pasting links
and hear each other: real processes, a real X server, real PortAudio streams, real WebRTC."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from tests.virtual_audio import VirtualAudio
from tests.virtual_screen import VirtualScreen

ROOT = Path(__file__).parents[2]
SETTLE_SECONDS = 4.0  # PulseAudio's null sinks stall for a moment when a stream begins.
RATE = 16_000
LIKE = 0.8  # Other people's speech reaches 0.67, noise 0.1, the codec alone 0.99.
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


def heard(
    audio: VirtualAudio,
    speaker: str,
    listener: str,
    clip: Path,
    folder: Path,
    meanwhile: Callable[[], None] = lambda: None,
) -> float:
    """Say the clip, and how like it is what comes out at the other end.

    A machine busy with other things may stutter; one good time of three is enough, for what is
    asked here is whether the way is there.
    """
    best = 0.0
    for _ in range(3):
        with audio.hear(listener, folder / f"{listener}.wav"):
            speaking = audio.start_speaking(speaker, clip)
            time.sleep(3)
            meanwhile()
            speaking.wait(60)
            time.sleep(1.5)
        best = max(best, likeness(clip, folder / f"{listener}.wav"))
        if best > LIKE:
            break
    return best


def picture(screen: VirtualScreen) -> None:
    if "SCREENSHOT" in os.environ:
        screen.picture(Path(os.environ["SCREENSHOT"]))


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
        best = heard(audio, "alice", "bob", clip, tmp_path, meanwhile=lambda: picture(screen))
        assert best > LIKE
        assert heard(audio, "bob", "alice", clip, tmp_path) > LIKE
        screen.close(alice)
        assert processes[0].wait(PATIENCE) == 0
        assert processes[1].poll() is None  # Bob is told that the call is over, and stays.
        screen.close(bob)
        assert processes[1].wait(PATIENCE) == 0
    finally:
        for process in processes:
            process.kill()
            process.wait(PATIENCE)
