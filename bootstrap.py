"""Set-up and start in one command, on Linux, macOS and Windows; needs Python's own library only.

    python bootstrap.py [undertone's arguments]     set up, then run `undertone ARGUMENTS`
    python bootstrap.py check                       set up for development, then run check.py
    python bootstrap.py setup                       set up only

Everything goes into .venv beside this file. On Debian and Ubuntu the system libraries that the
command needs (Qt's for a window, PortAudio for a microphone) are installed with apt-get, which asks
for your password through sudo when need be.
"""

from __future__ import annotations

import ctypes.util
import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
TORCH = "torch==2.13.0"  # The version the figures in README.md were measured with.

FOR_SOUND = {"portaudio": "libportaudio2"}
FOR_WINDOWS = {
    "EGL": "libegl1",
    "GL": "libgl1",
    "xkbcommon": "libxkbcommon0",
    "xkbcommon-x11": "libxkbcommon-x11-0",
    "dbus-1": "libdbus-1-3",
    "fontconfig": "libfontconfig1",
    "xcb-cursor": "libxcb-cursor0",
    "xcb-icccm": "libxcb-icccm4",
    "xcb-image": "libxcb-image0",
    "xcb-keysyms": "libxcb-keysyms1",
    "xcb-randr": "libxcb-randr0",
    "xcb-render-util": "libxcb-render-util0",
    "xcb-shape": "libxcb-shape0",
    "xcb-xkb": "libxcb-xkb1",
}
"""Shared library -> the Debian package it is in."""

FOR_TESTS = {
    "pulseaudio": "pulseaudio",
    "paplay": "pulseaudio-utils",
    "Xvfb": "xvfb",
    "xdotool": "xdotool",
    "xclip": "xclip",
    "import": "imagemagick",
    "fc-list": "fontconfig",
    "ip": "iproute2",
    "tshark": "tshark",
}
"""Program -> the Debian package it is in: what real devices, windows and lines are tested with."""


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 - whatever Python is there runs this file
        print("Undertone needs Python 3.11 or newer.", file=sys.stderr)
        return 1
    checking = arguments[:1] == ["check"]
    try:
        install_system_packages(missing_packages(arguments))
        install_packages(development=checking)
    except NotRoot as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        command = " ".join(str(word) for word in error.cmd)
        print(f"Set-up stopped: `{command}` failed, see above.", file=sys.stderr)
        return 1
    if arguments == ["setup"]:
        return 0
    target = (
        [str(HERE / "check.py"), *arguments[1:]] if checking else ["-P", "-m", "app", *arguments]
    )
    try:
        # -P: where the command is given there may be another `app`.
        return subprocess.run([str(python()), *target], cwd=HERE if checking else None).returncode
    except KeyboardInterrupt:
        return 130


def python() -> Path:
    """The interpreter of .venv."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


class NotRoot(Exception):
    """System packages are missing and nobody here may install them."""

    def __init__(self, packages: list[str]) -> None:
        names = " ".join(packages)
        super().__init__(
            "Some system libraries are missing, and there is no sudo to install them with. Run "
            f"this as root, then start again:\n    apt-get update && apt-get install -y {names}"
        )


def missing_packages(arguments: list[str]) -> list[str]:
    """The Debian packages that the command needs and that are not there; none outside Linux,
    where the Python packages bring their libraries themselves."""
    if not sys.platform.startswith("linux"):
        return []
    everything = arguments[:1] in (["check"], ["setup"])
    libraries: dict[str, str] = {}
    if everything or not ("--headless" in arguments or arguments[:1] == ["devices"]):
        libraries |= FOR_WINDOWS
    if everything or arguments[:1] != ["demo"]:
        libraries |= FOR_SOUND
    missing = [
        package for library, package in libraries.items() if not ctypes.util.find_library(library)
    ]
    if arguments[:1] == ["check"]:
        missing += [package for program, package in FOR_TESTS.items() if not shutil.which(program)]
        if not list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")):
            missing.append("libasound2-plugins")
    return missing


def install_system_packages(missing: list[str]) -> None:
    """Install them on Debian and Ubuntu, and name them elsewhere. Raises NotRoot."""
    if not missing:
        return
    if not shutil.which("apt-get"):
        print(f"Please install what Debian calls {' '.join(missing)}.", file=sys.stderr)
        return
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    if as_root and not shutil.which("sudo"):
        raise NotRoot(missing)
    print(f"Installing {' '.join(missing)} ...", file=sys.stderr)
    subprocess.run([*as_root, "apt-get", "update", "-q"], check=True, stdout=sys.stderr)
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
    subprocess.run([*as_root, *environment, *install], check=True, stdout=sys.stderr)


def install_packages(*, development: bool) -> None:
    """Make .venv and fill it, unless that was done since pyproject.toml last changed."""
    extras = "[dev]" if development else ""
    wanted = hashlib.sha256((HERE / "pyproject.toml").read_bytes()).hexdigest() + extras
    done = VENV / "undertone-setup"
    if done.exists() and done.read_text() in (wanted, wanted + "[dev]"):
        return
    if not python().exists():
        print("Making .venv ...", file=sys.stderr)
        venv.create(VENV, with_pip=True)
    install_torch()
    pip("install", "--editable", f"{HERE}{extras}")
    done.write_text(wanted)


def install_torch() -> None:
    """The CPU build: on Linux a plain `pip install torch` may bring gigabytes of CUDA."""
    installed = subprocess.run([str(python()), "-c", "import torch"], capture_output=True)
    if installed.returncode == 0:
        return
    pip("install", "--upgrade", "pip>=23")
    plan = subprocess.run(
        [*_pip(), "install", "--dry-run", "--quiet", "--report", "-", TORCH],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    names = [package["metadata"]["name"].lower() for package in json.loads(plan.stdout)["install"]]
    if not any(name.startswith(("nvidia", "cuda", "triton")) for name in names):
        pip("install", TORCH)
        return
    # uv knows where PyTorch keeps its CPU builds.
    pip("install", "uv")
    uv = [str(python()), "-m", "uv", "pip", "install", "--python", str(python())]
    subprocess.run([*uv, "--torch-backend", "cpu", TORCH], check=True)


def pip(*arguments: str) -> None:
    """Run .venv's pip; its words go to standard error, as all of the set-up's."""
    # A build's warnings are for packagers, not for who wants to make a call.
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore"}
    subprocess.run([*_pip(), *arguments, "--quiet"], check=True, stdout=sys.stderr, env=quiet)


def _pip() -> list[str]:
    return [str(python()), "-m", "pip", "--disable-pip-version-check"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
