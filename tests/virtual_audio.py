"""Microphones and loudspeakers on a machine that has none, for tests that need real devices.

    with virtual_audio(tmp_path, ["alice", "bob"]) as audio:
        with audio.hear("bob", tmp_path / "heard.wav"):
            subprocess.Popen([...], env=audio.env("alice"))
            audio.speak("alice", "speech.wav")

A PulseAudio daemon of its own, with a null sink as each person's microphone and loudspeaker.
PortAudio finds them as the system's default devices in a process that has that person's
environment; it reads the environment once, so each person needs a process of their own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HARNESS = Path(__file__).resolve().parents[2] / "shared" / "harness" / "virtual-audio"


def missing() -> str | None:
    """Why there can be no virtual devices here, or None if there can."""
    if not HARNESS.is_file():
        return "the virtual-audio harness is not in ../shared/harness"
    for tool in ("pulseaudio", "pactl", "paplay", "parecord"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed (Debian: pulseaudio pulseaudio-utils)"
    return None


class VirtualAudio:
    """The running daemon. A name's microphone is what it speaks into, its ear what it hears."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._base = {**os.environ, "VIRTUAL_AUDIO_DIR": str(directory)}

    def start(self, names: Sequence[str]) -> None:
        subprocess.run(
            [HARNESS, "start", *names], env=self._base, check=True, capture_output=True, timeout=30
        )

    def stop(self) -> None:
        subprocess.run([HARNESS, "stop"], env=self._base, check=False, timeout=30)

    def env(self, name: str, *, microphone: str | None = None) -> dict[str, str]:
        """The whole environment for a process of `name`'s.

        `microphone` is another PulseAudio source than the person's own, such as "ear_bob.monitor".
        """
        said = subprocess.run(
            [HARNESS, "env", name], env=self._base, check=True, capture_output=True, text=True
        ).stdout
        extra = dict(pair.split("=", 1) for pair in said.split())
        if microphone:
            extra["PULSE_SOURCE"] = microphone
        return {**self._base, **extra}

    def speak(self, name: str, wav: Path | str) -> None:
        """Play a sound file into the microphone of `name`, to its end."""
        self._run("paplay", f"--device=mic_{name}", "--latency-msec=20", str(wav))

    def start_speaking(self, name: str, wav: Path | str) -> subprocess.Popen[bytes]:
        """The same without waiting; the caller waits for or ends the process."""
        return subprocess.Popen(
            ["paplay", f"--device=mic_{name}", "--latency-msec=20", str(wav)], env=self.env(name)
        )

    @contextmanager
    def hear(self, name: str, wav: Path | str) -> Iterator[Path]:
        """Record what `name` hears while the block runs; the WAV file is whole after it."""
        options = [f"--device=ear_{name}.monitor", "--latency-msec=20", "--file-format=wav"]
        recorder = subprocess.Popen(
            ["parecord", *options, "--channels=1", str(wav)], env=self.env(name)
        )
        try:
            self.wait_for_stream(recorder.pid, "source-outputs")
            yield Path(wav)
        finally:
            recorder.send_signal(signal.SIGINT)
            recorder.wait(timeout=10)

    def unplug(self, sink: str) -> None:
        """Take a sink ("mic_alice", "ear_bob") away from whoever is using it."""
        listed = self._run("pactl", "list", "short", "modules").splitlines()
        number = next(line.split("\t")[0] for line in listed if f"sink_name={sink} " in line)
        self._run("pactl", "unload-module", number)

    def plug(self, sink: str) -> None:
        """Bring a sink (back)."""
        self._run("pactl", "load-module", "module-null-sink", f"sink_name={sink}", "rate=48000")

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.env("nobody"), check=True, capture_output=True, text=True, timeout=120
        )
        return done.stdout

    def wait_for_stream(self, pid: int, kind: str) -> None:
        """Wait until a process records ("source-outputs") or plays ("sink-inputs")."""
        for _ in range(200):
            if f'application.process.id = "{pid}"' in self._run("pactl", "list", kind):
                return
            time.sleep(0.05)
        raise TimeoutError(f"process {pid} is not among the {kind}")


@contextmanager
def virtual_audio(directory: Path, names: Sequence[str]) -> Iterator[VirtualAudio]:
    """A daemon with devices for `names`, gone again at the end.

    `directory` must be short: it holds a Unix socket, whose path may have about 100 characters.
    """
    directory.mkdir(parents=True, exist_ok=True)
    audio = VirtualAudio(directory)
    audio.start(names)
    try:
        yield audio
    finally:
        audio.stop()
