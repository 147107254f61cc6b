"""A screen on a machine that has none, and hands on its keyboard, for tests of real windows."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TOOLS = {"Xvfb": "xvfb", "xdotool": "xdotool", "xclip": "xclip", "import": "imagemagick"}
_PATIENCE = 30.0


class _ClientMessage(ctypes.Structure):
    """Xlib's XClientMessageEvent, padded to the size of an XEvent (Xlib - C Language X Interface,
    sections 10.2 and 10.8; what it says here is the ICCCM's, section 4.2.8.1)."""

    _fields_ = [
        ("kind", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("sent", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
        ("padding", ctypes.c_long * 12),
    ]


def missing() -> str | None:
    """Why there can be no virtual screen here, or None if there can."""
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            return f"{tool} is not installed (Debian: {package})"
    return None


class VirtualScreen:
    """An X server with nobody in front of it. It has one clipboard, as any desktop."""

    def __init__(self, display: str) -> None:
        self._env = {**os.environ, "DISPLAY": display}

    def env(self, base: dict[str, str]) -> dict[str, str]:
        """`base`, for a process that shows its windows here."""
        without = {key: value for key, value in base.items() if key != "QT_QPA_PLATFORM"}
        return {**without, "DISPLAY": self._env["DISPLAY"]}

    def window(self, pid: int, title: str) -> str:
        """The window of a process with this title, once it is there."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            search = ["xdotool", "search", "--all", "--onlyvisible", "--pid", str(pid)]
            search += ["--name", title]
            found = subprocess.run(search, env=self._env, capture_output=True, text=True)
            if found.stdout.strip():
                return found.stdout.split()[0]
            time.sleep(0.1)
        raise TimeoutError(f"no window “{title}” appeared")

    def place(self, window: str, x: int, y: int) -> None:
        """Move a window."""
        self._do("windowmove", "--sync", window, str(x), str(y))

    def press(self, window: str, *keys: str) -> None:
        """Give a window the keyboard and press keys, one after another."""
        self._do("windowfocus", "--sync", window)
        for key in keys:
            self._do("key", "--clearmodifiers", key)
            time.sleep(0.1)

    def copied(self, window: str, key: str, besides: str = "") -> str:
        """Press `key` until a new link is on the clipboard, and give it."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            self.press(window, key)
            time.sleep(0.4)
            read = ["xclip", "-out", "-selection", "clipboard"]
            text = subprocess.run(read, env=self._env, capture_output=True, text=True).stdout
            if text.startswith("undertone://") and text != besides:
                return text
        raise TimeoutError("no link was copied")

    def close(self, window: str) -> None:
        """Ask a window to close, as a window manager does when its close button is pressed."""
        x11 = ctypes.CDLL(ctypes.util.find_library("X11"))
        x11.XOpenDisplay.restype = ctypes.c_void_p
        x11.XInternAtom.restype = ctypes.c_ulong
        display = ctypes.c_void_p(x11.XOpenDisplay(self._env["DISPLAY"].encode()))
        protocols = x11.XInternAtom(display, b"WM_PROTOCOLS", False)
        delete = x11.XInternAtom(display, b"WM_DELETE_WINDOW", False)
        event = _ClientMessage(
            kind=33, window=int(window), message=protocols, format=32, data=(delete,)
        )
        x11.XSendEvent(display, ctypes.c_ulong(int(window)), False, 0, ctypes.byref(event))
        x11.XCloseDisplay(display)

    def picture(self, path: Path) -> None:
        """Save the whole screen as a picture."""
        subprocess.run(["import", "-window", "root", str(path)], env=self._env, check=True)

    def _do(self, *words: str) -> None:
        subprocess.run(["xdotool", *words], env=self._env, check=True, timeout=20)


@contextmanager
def virtual_screen(width: int = 1840, height: int = 740) -> Iterator[VirtualScreen]:
    """A screen that is gone again at the end."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as number:
            yield VirtualScreen(f":{number.readline().strip()}")
    finally:
        server.terminate()
        server.wait(10)
