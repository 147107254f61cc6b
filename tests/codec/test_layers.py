"""The codec stands alone: it needs nothing of the app, and what needs no torch loads none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

BLOCK = """
import importlib, pkgutil, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Blocked())
"""

IMPORT_ALL = """
import codec
names = [m.name for m in pkgutil.walk_packages(codec.__path__, "codec.")]
names = [n for n in names if not n.startswith("codec.train")]
assert len(names) > 15, names
for name in names:
    importlib.import_module(name)
"""


def run(code: str, *blocked: str) -> None:
    program = BLOCK.replace("{blocked}", repr(set(blocked))) + code
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_the_codec_imports_without_the_layers_above_it() -> None:
    run(IMPORT_ALL, "app", "aiortc", "sounddevice", "PySide6", "qasync")


@pytest.mark.parametrize("module", ["spec", "bits", "container", "errors", "conceal", "wav_pipe"])
def test_what_computes_nothing_needs_no_torch(module: str) -> None:
    run(f"import codec.{module}", "torch", "safetensors", "soundfile", "soxr", "tqdm")


def test_the_public_names_are_there() -> None:
    import codec

    for name in codec.__all__:
        assert getattr(codec, name) is not None
    assert set(codec.__all__) <= set(dir(codec))
    with pytest.raises(AttributeError):
        codec.nothing  # noqa: B018
