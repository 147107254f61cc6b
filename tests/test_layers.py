"""Data walks one way: every room imports with all the rooms above it, and what it may not need,
out of reach."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PROGRAM = """
import importlib.abc, pkgutil, sys
blocked = {blocked!r}

class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if any(name == b or name.startswith(b + ".") for b in blocked):
            raise ImportError("blocked: " + name)

sys.meta_path.insert(0, Block())
for name in {names!r}:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(getattr(package, "__path__", []), name + "."):
        if module.name.endswith("__main__") or any(
            module.name == b or module.name.startswith(b + ".") for b in blocked
        ):
            continue
        importlib.import_module(module.name)
print("imported", len([m for m in sys.modules if m.split(".")[0] in ("app", "codec")]))
"""

FRONTS = [
    "app.gui",
    "app.window",
    "app.cli",
    "app.headless",
    "app.demo",
    "app.terminal",
    "app.models",
    "app.report",
]
QT = ["PySide6", "qasync"]
MIDDLE = ["app.audio", "app.library", "app.net", "app.rendezvous"]
LIBRARIES = ["aiortc", "aioice", "sounddevice", *QT]


@pytest.mark.parametrize(
    ("names", "blocked"),
    [
        (["app.core"], [*FRONTS, "app.engine", *MIDDLE, "codec", *LIBRARIES, "torch", "soundfile"]),
        (["codec"], ["app", *LIBRARIES]),
        (
            ["app.audio"],
            [
                *FRONTS,
                "app.engine",
                "app.library",
                "app.net",
                "app.rendezvous",
                "codec",
                *LIBRARIES,
            ],
        ),
        (
            ["app.library"],
            [*FRONTS, "app.engine", "app.audio", "app.net", "app.rendezvous", *LIBRARIES],
        ),
        (
            ["app.net"],
            [
                *FRONTS,
                "app.engine",
                "app.audio",
                "app.library",
                "app.rendezvous",
                "codec",
                "sounddevice",
                *QT,
            ],
        ),
        (
            ["app.rendezvous"],
            [*FRONTS, "app.engine", "app.audio", "app.library", "app.net", "codec", *LIBRARIES],
        ),
        (["app.engine"], [*FRONTS, *QT]),
        (["app"], ["app.gui", "app.window", *QT]),
    ],
    ids=lambda value: "+".join(value) if len(value) < 2 else None,
)
def test_a_room_imports_without_the_rooms_above(names, blocked):
    program = PROGRAM.format(names=names, blocked=blocked)
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout.split()[1]) > len(names)
