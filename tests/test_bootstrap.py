from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bootstrap

RUN = Path(__file__).parents[1] / "run"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="apt-get and sh")


@pytest.fixture
def bare(monkeypatch):
    """A Debian on which no library is installed, and a person who is not root."""
    programs = {"apt-get": "/usr/bin/apt-get"}
    monkeypatch.setattr("bootstrap.ctypes.util.find_library", lambda name: None)
    monkeypatch.setattr("bootstrap.shutil.which", programs.get)
    monkeypatch.setattr("bootstrap.os.geteuid", lambda: 1000)
    return programs


@pytest.fixture
def commands(monkeypatch) -> list[list[str]]:
    """What would have been run."""
    given: list[list[str]] = []

    def take(command, **options):
        given.append([str(word) for word in command])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr("bootstrap.subprocess.run", take)
    monkeypatch.setattr("bootstrap.install_packages", lambda *, development: None)
    return given


@pytest.mark.parametrize("arguments", [["demo"], [], ["call"], ["check"], ["devices"]])
def test_without_sudo_the_line_for_root_is_told(bare, commands, capsys, arguments):
    assert bootstrap.main(arguments) == 1
    told = capsys.readouterr().err
    assert "apt-get update && apt-get install -y lib" in told
    assert "as root" in told
    assert commands == []


def test_a_demo_in_the_terminal_needs_no_system_library(bare, commands, capsys):
    assert bootstrap.main(["demo", "--headless"]) == 0
    assert capsys.readouterr().err == ""
    assert [command[1:] for command in commands] == [["-P", "-m", "app", "demo", "--headless"]]


def test_a_call_in_the_terminal_needs_sound_and_no_qt(bare):
    assert bootstrap.missing_packages(["call", "--headless"]) == ["libportaudio2"]
    assert bootstrap.missing_packages(["devices"]) == ["libportaudio2"]
    assert "libegl1" in bootstrap.missing_packages(["call"])
    assert {"libegl1", "libportaudio2"} < set(bootstrap.missing_packages(["setup"]))


def test_with_sudo_what_is_missing_is_installed(bare, commands):
    bare["sudo"] = "/usr/bin/sudo"
    assert bootstrap.main(["call", "--headless"]) == 0
    assert [command[:2] for command in commands[:2]] == [["sudo", "apt-get"], ["sudo", "env"]]
    assert commands[1][-1] == "libportaudio2"


def test_a_step_that_fails_is_named(bare, capsys, monkeypatch):
    bare["sudo"] = "/usr/bin/sudo"

    def fail(command, **options):
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr("bootstrap.subprocess.run", fail)
    assert bootstrap.main(["demo"]) == 1
    assert "`sudo apt-get update -q` failed" in capsys.readouterr().err


def script(path: Path, words: str) -> None:
    path.write_text(f"#!/bin/sh\n{words}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path) -> Path:
    """A checkout in `project`, and in `bin` all the programs there are."""
    (tmp_path / "project").mkdir()
    shutil.copy(RUN, tmp_path / "project" / "run")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("dirname", "env"):
        (programs / name).symlink_to(shutil.which(name) or "")
    script(programs / "id", "echo 1000")
    script(programs / "apt-get", "exit 0")
    return tmp_path


def run(machine: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    elsewhere = machine / "elsewhere"
    elsewhere.mkdir()
    return subprocess.run(
        [os.path.join("..", "project", "run"), *arguments],
        cwd=elsewhere,
        env={"PATH": str(machine / "bin")},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_run_stays_in_the_folder_it_is_called_from(machine):
    script(machine / "bin" / "python3", '[ "$1" = -c ] || { pwd; for a; do echo "$a"; done; }')
    done = run(machine, "demo", "--input", "my clip.wav")
    here = str((machine / "elsewhere").resolve())
    said = [here, "../project/bootstrap.py", "demo", "--input", "my clip.wav"]
    assert done.stdout.splitlines() == said, done.stderr


def test_run_without_python_or_sudo_tells_the_line_for_root(machine):
    done = run(machine, "demo")
    assert done.returncode == 1
    assert "apt-get install -y python3 python3-venv" in done.stderr
    assert "as root" in done.stderr


def test_run_without_python_asks_sudo(machine):
    script(machine / "bin" / "sudo", 'echo "sudo $*"')
    done = run(machine, "demo")
    assert "sudo apt-get update" in done.stdout
    assert done.returncode == 1
    assert "Undertone needs Python 3.11" in done.stderr
