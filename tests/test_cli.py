"""The command line as a person meets it: a process, its words, its exit status."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.torch import save, save_file

from app.cli import _settings, main, parser
from app.core.settings import Settings
from tests.models import SMALL_LITE, small_codec
from tests.talker import Talker

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
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    return {
        **inherited,
        "PYTHONPATH": str(ROOT),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "QT_QPA_PLATFORM": "offscreen",
    }


def undertone(
    environment, *arguments, stdin: str = "", stdout=subprocess.PIPE, before_start=None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *map(str, arguments)],
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT,
        env=environment,
        preexec_fn=before_start,
    )


def assert_one_sentence(
    result: subprocess.CompletedProcess[str], *words: str, begins: str = "undertone: "
) -> None:
    """Exit status 1 and one line on standard error with these words; no traceback."""
    assert result.returncode == 1, result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(begins)
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


def half_a_flac(path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 32_000)
    soundfile.write(path, noise, 16_000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def bad_model(folder: Path, weights: bytes) -> Path:
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text(json.dumps(SMALL_LITE))
    return folder


@pytest.fixture
def told(environment, monkeypatch, capsys) -> Callable[..., None]:
    """Asserts that a command, run in this process for speed, ends with status 1 and these words
    in one sentence; any error that is not foreseen comes through as it is."""
    monkeypatch.setenv("XDG_CONFIG_HOME", environment["XDG_CONFIG_HOME"])

    def check(words: str, *arguments, stdin: str = "") -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        status = main([*map(str, arguments)])
        assert_one_sentence(subprocess.CompletedProcess([], status, *capsys.readouterr()), words)

    return check


def test_bad_links_and_answers_are_told_in_a_sentence(told, model, clip, tmp_path):
    call = ["call", "--headless", "--model", model, "--input", clip, "--output", tmp_path / "h.wav"]
    told("link", *call, "--join", "hello")
    told("link", *call, "--join", "-", stdin="\x00\ufffd\n")
    told("answer", *call)


def test_bad_sound_files_are_told_in_a_sentence(told, model, clip, tmp_path):
    output = tmp_path / "heard.wav"
    noise = tmp_path / "noise.wav"
    noise.write_bytes(b"not sound")
    for spoken, heard, words in (
        ("none.wav", output, "none.wav"),
        (noise, output, "noise.wav"),
        (clip, tmp_path / "no" / "heard.wav", "heard.wav"),
        (clip, clip, "another file"),
    ):
        for command in (["call", "--headless"], ["demo", "--headless"]):
            told(words, *command, "--model", model, "--input", spoken, "--output", heard)


def test_bad_models_are_told_in_a_sentence(told, model, clip, tmp_path):
    weights = (model / "model.safetensors").read_bytes()
    other = dict(small_codec().state_dict())
    name = next(iter(other))
    other[name] = other[name].new_zeros(3, 1, 4, 1, 5)
    bad = {
        tmp_path / "nothing": "nothing",
        bad_model(tmp_path / "cut", weights[: len(weights) // 2]): "cut short",
        bad_model(tmp_path / "pickle", b"\x80\x04K*." * 100): "not a safetensors file",
        bad_model(tmp_path / "shapes", save(other)): "do not fit",
    }
    files = ["--input", clip, "--output", tmp_path / "heard.wav"]
    for folder, words in bad.items():
        told(words, "call", "--headless", "--model", folder, *files)
        told(words, "demo", "--headless", "--model", folder, *files)
    assert not (tmp_path / "heard.wav").exists()


def test_a_window_that_cannot_begin_says_so(environment, model, clip, tmp_path):
    cut = bad_model(tmp_path / "cut", (model / "model.safetensors").read_bytes()[:1000])
    window = undertone(environment, "demo", "--close", "--model", cut)
    assert_one_sentence(window, "cut short", begins="Undertone cannot start: ")
    same = ["--model", model, "--input", clip, "--output", clip]
    assert_one_sentence(undertone(environment, "call", *same), "another file")


def test_no_recording_is_lost_before_a_call_comes_about(told, model, clip, tmp_path):
    keep = tmp_path / "keep.wav"
    keep.write_bytes(b"yesterday's call")
    spoken = clip.read_bytes()
    call = ["call", "--headless", "--model", model, "--input", clip]
    told("link", *call, "--output", keep, "--join", "hello")
    told("answer", *call, "--output", keep)
    told("another file", *call, "--output", clip)
    told("none", "demo", "--headless", "--output", keep, "--model", tmp_path / "none")
    assert keep.read_bytes() == b"yesterday's call"
    assert clip.read_bytes() == spoken


def test_a_clip_that_breaks_off_ends_the_demo(environment, model, tmp_path):
    clip = tmp_path / "half.flac"
    half_a_flac(clip)
    demo = ["--model", model, "--input", clip, "--output", tmp_path / "heard.wav"]
    assert_one_sentence(undertone(environment, "demo", "--headless", *demo), "half.flac")
    window = undertone(environment, "demo", "--close", *demo)
    assert_one_sentence(window, "half.flac", begins="The demo failed: ")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on a file's size")
def test_a_disk_that_fills_up_ends_the_demo_with_status_1(environment, model, clip, tmp_path):
    def fill() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    heard = tmp_path / "heard.wav"
    demo = ["demo", "--headless", "--model", model, "--input", clip, "--output", heard]
    result = undertone(environment, *demo, before_start=fill)
    assert_one_sentence(result, "heard.wav stopped")
    assert 0.2 < soundfile.info(heard).duration < 0.4  # What fitted can be played.


def test_a_length_of_time_must_be_one(environment):
    for seconds in ("-5", "nan", "0", "inf", "long"):
        result = undertone(environment, "call", "--headless", "--seconds", seconds)
        assert result.returncode == 2
        assert f"'{seconds}' is not a number of seconds above 0" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_standard_output_is_told(environment, model, clip, tmp_path):
    call = ["call", "--headless", "--model", model, "--input", clip, "--output", tmp_path / "h.wav"]
    for arguments in (["--version"], ["--help"], ["devices"], call):
        with open("/dev/full", "w") as full:
            result = undertone(environment, *arguments, stdout=full)
        assert_one_sentence(result, "Standard output could not be written")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_standard_error_changes_no_status(environment):
    buffered = {key: value for key, value in environment.items() if key != "PYTHONUNBUFFERED"}
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "app", "demo", "--headless", "--input", "none.wav"]
        done = subprocess.run(command, env=buffered, stderr=full, timeout=TIMEOUT)
    assert done.returncode == 1


def test_a_closed_pipe_is_no_reason_to_speak(environment, model, clip, tmp_path):
    call = ["call", "--headless", "--model", model, "--input", clip, "--output", tmp_path / "h.wav"]
    for arguments in (["--version"], ["devices"], call):
        reader, writer = os.pipe()
        os.close(reader)
        result = undertone(environment, *arguments, stdout=writer)
        os.close(writer)
        assert result.returncode == 1
        told = [line for line in result.stderr.splitlines() if not line.startswith("Send this")]
        assert told == []


def damage_settings(environment) -> None:
    settings = Path(environment["XDG_CONFIG_HOME"]) / "undertone" / "settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text("{")


def test_damaged_settings_are_told(environment, model, clip, tmp_path):
    damage_settings(environment)
    call = ["call", "--headless", "--model", model, "--input", clip, "--output", tmp_path / "h.wav"]
    result = undertone(environment, *call)
    assert_one_sentence(result, "answer")
    assert "Warning: The settings in" in result.stderr
    assert "set aside" in result.stderr


WINDOW = """
import asyncio, sys
from app.cli import _settings, main, parser
from app.core.settings import Settings
from PySide6.QtWidgets import QApplication, QLabel
import app.gui.application as application

async def look(desk):
    from app.gui.main_window import MainWindow
    window = next(w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow))
    while window.notices.list.count() < {notices}:
        await asyncio.sleep(0.01)
    for row in range(window.notices.list.count()):
        print("notice:", window.notices.list.item(row).text())
    for label in window.page.findChildren(QLabel):
        if label.isVisible():
            print("page:", label.text())
    desk.ask_to_close()

live = application._Desk._live
async def live_and_look(desk, *arguments):
    await live(desk, *arguments)
    await look(desk)
application._Desk._live = live_and_look
sys.exit(main(sys.argv[1:]))
"""


def in_the_window(environment, *arguments, notices: int) -> subprocess.CompletedProcess[str]:
    """What a window says, once it has said so much, and how it ends when closed then."""
    return subprocess.run(
        [sys.executable, "-c", WINDOW.format(notices=notices), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=environment,
    )


def test_a_bad_link_and_damaged_settings_are_told_in_the_window(environment, model, tmp_path):
    damage_settings(environment)
    result = in_the_window(environment, "call", "--model", model, "--join", "garbage", notices=2)
    assert result.returncode == 0, result.stderr  # The window was there to try again in.
    assert "Traceback" not in result.stderr
    said = result.stdout.splitlines()
    for place, words in (("notice", "set aside"), ("notice", "no link"), ("page", "no link")):
        shown = [line for line in said if line.startswith(f"{place}:")]
        words = words.replace("no link", "no Undertone link in this text")
        assert any(words in line for line in shown), said


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


def test_a_profile_is_one_of_those_there_are(environment):
    assert undertone(environment, "call", "--profile", "fastest").returncode == 2
    arguments = parser().parse_args(["call", "--profile", "saver", "--continuous"])
    settings = _settings(Settings(profile="balanced"), arguments)
    assert (settings.profile, settings.continuous) == ("saver", True)
    kept = _settings(Settings(profile="balanced"), parser().parse_args(["call"]))
    assert (kept.profile, kept.continuous) == ("balanced", False)


def test_a_precision_is_one_of_those_there_are(environment):
    assert undertone(environment, "call", "--precision", "int3").returncode == 2
    said = parser().parse_args(["call", "--precision", "int8"])
    assert _settings(Settings(precision="float32"), said).precision == "int8"
    kept = _settings(Settings(precision="float32"), parser().parse_args(["call"]))
    assert kept.precision == "float32"


def test_a_script_hosts_a_group(environment, model, clip, tmp_path):
    def talk(name: str, *more: object) -> Talker:
        heard = tmp_path / f"{name}.wav"
        return Talker(
            environment,
            *("--model", model, "--input", clip, "--output", heard, "--name", name),
            *("--loopback", "--continuous", "--seconds", 600, *more),
        )

    people = [talk("Alice", "--invite", 2)]
    try:
        for name in ("Bob", "Cleo"):
            guest = talk(name, "--join", people[0].link())
            people.append(guest)
            people[0].paste(guest.link())
            people[0].wait_for(f"Talking with {name}")
        people[2].wait_for("Talking with Bob")
        people[1].wait_for("Talking with Cleo")
    finally:
        for person in people:
            person.kill()
