"""The command line as a person meets it: a process, its words, its exit status."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.torch import save_file

from tests.models import SMALL_LITE, small_codec

ROOT = Path(__file__).parents[1]
TIMEOUT = 120


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A small model on disk, so that these tests need no trained one."""
    folder = tmp_path_factory.mktemp("model")
    save_file(small_codec().state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(SMALL_LITE))
    return folder


@pytest.fixture
def clip(tmp_path) -> Path:
    path = tmp_path / "clip.wav"
    soundfile.write(path, 0.3 * np.sin(np.arange(12_000) * 0.2), 16_000)
    return path


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "QT_QPA_PLATFORM": "offscreen",
    }


def undertone(environment, *arguments, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=environment,
    )


def assert_one_sentence(result: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit status 1 and one line on standard error with these words; no traceback."""
    assert result.returncode == 1, result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("undertone: ")
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in last


def test_the_demo_makes_a_call_and_saves_what_was_heard(environment, model, clip, tmp_path):
    heard = tmp_path / "heard.wav"
    result = undertone(
        environment, "demo", "--headless", "--model", model, "--input", clip, "--output", heard
    )
    assert result.returncode == 0, result.stderr
    assert "Connected." in result.stderr
    assert "You hung up." in result.stderr
    assert "wire" in result.stdout
    samples, rate = soundfile.read(heard)
    assert rate == 16_000
    assert len(samples) >= 12_000


def test_the_demo_window_shows_the_call_and_closes(environment, model, clip, tmp_path):
    heard = tmp_path / "heard.wav"
    arguments = ["demo", "--close", "--model", model, "--input", clip, "--output", heard]
    result = undertone(environment, *arguments)
    assert result.returncode == 0, result.stderr
    assert soundfile.info(heard).duration > 0.7


class Talker:
    """A headless call in a process of its own."""

    def __init__(self, environment, *arguments) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app", "call", "--headless", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._said: list[str] = []
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        self._errors = threading.Thread(target=self._collect, daemon=True)
        self._errors.start()

    def _read(self, stream) -> None:
        for line in stream:
            self._lines.put(line.strip())

    def _collect(self) -> None:
        self._said.extend(self.process.stderr)

    def link(self) -> str:
        return self._lines.get(timeout=TIMEOUT)

    def paste(self, line: str) -> None:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def wait(self) -> int:
        return self.process.wait(TIMEOUT)

    @property
    def said(self) -> str:
        self._errors.join(5)
        return "".join(self._said)


def test_two_processes_talk_through_links_on_their_standard_streams(
    environment, model, clip, tmp_path
):
    common = ["--model", model, "--loopback", "--input", clip]
    alice = Talker(environment, *common, "--name", "Alice", "--output", tmp_path / "a.wav")
    invite = alice.link()
    bob = Talker(
        environment, *common, "--name", "Bob", "--output", tmp_path / "b.wav", "--join", invite
    )
    alice.paste("what?")
    alice.paste(bob.link())
    assert (alice.wait(), bob.wait()) == (0, 0), alice.said + bob.said
    assert "Talking with Bob" in alice.said
    assert "Talking with Alice" in bob.said
    assert alice.said.count("Error:") == 1
    for name in ("a", "b"):
        assert soundfile.info(tmp_path / f"{name}.wav").duration > 0.5


def test_bad_input_is_answered_with_one_sentence(environment, model, clip, tmp_path):
    output = tmp_path / "heard.wav"
    call = ["call", "--headless", "--model", model, "--input", clip, "--output", output]
    assert_one_sentence(undertone(environment, *call, "--join", "hello"), "link")
    assert_one_sentence(undertone(environment, *call), "answer")
    missing = ["call", "--headless", "--model", model, "--input", "none.wav", "--output", output]
    assert_one_sentence(undertone(environment, *missing), "none.wav")
    noise = tmp_path / "noise.wav"
    noise.write_bytes(b"not sound")
    unreadable = ["call", "--headless", "--model", model, "--input", noise, "--output", output]
    assert_one_sentence(undertone(environment, *unreadable), "noise.wav")
    nowhere = ["demo", "--headless", "--model", model, "--output", tmp_path / "no" / "heard.wav"]
    assert_one_sentence(undertone(environment, *nowhere), "heard.wav")
    unknown = ["demo", "--headless", "--model", tmp_path / "nothing", "--output", output]
    assert_one_sentence(undertone(environment, *unknown), "nothing")


def test_no_microphone_is_told_before_anyone_is_invited(environment, model, tmp_path):
    silent = {**environment, "XDG_RUNTIME_DIR": str(tmp_path)}
    if undertone(silent, "devices").stdout.count("  none") != 2:
        pytest.skip("this machine has sound devices")
    result = undertone(silent, "call", "--headless", "--model", model)
    assert_one_sentence(result, "microphone")
    assert result.stdout == ""


def test_a_missing_portaudio_is_told_with_what_to_install(environment, model, tmp_path):
    (tmp_path / "sounddevice.py").write_text('raise OSError("PortAudio library not found")')
    without = {**environment, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    assert_one_sentence(undertone(without, "devices"), "PortAudio")


def test_version_and_help(environment):
    result = undertone(environment, "--version")
    assert result.returncode == 0
    assert result.stdout.startswith("undertone 0.")
    assert "demo" in undertone(environment, "--help").stdout
    assert undertone(environment, "sing").returncode == 2
