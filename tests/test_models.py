"""The `models` command as a person meets it, with a server that only a proxy can reach."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from app.cli import main
from app.core.models import ModelProgress, ModelView
from app.models import in_words, table
from codec.model.focalcodec import FocalCodec
from tests.codec.conftest import SMALL
from tests.library.conftest import put
from tests.library.hub_server import COMMIT, HubServer, Trouble
from tests.test_cli import environment, undertone  # noqa: F401

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def server() -> Iterator[HubServer]:
    made = HubServer()
    torch.manual_seed(0)
    made.repositories["lucadellalib/focalcodec_50hz_2k_causal"] = {
        "config.json": json.dumps(SMALL).encode(),
        "model.safetensors": save(FocalCodec(SMALL).state_dict()),
    }
    yield made
    made.close()


@pytest.fixture
def outside(environment, server: HubServer, tmp_path: Path) -> dict[str, str]:  # noqa: F811
    """An environment from which the server can be reached by its proxy alone."""
    inherited = {key: value for key, value in environment.items() if key.lower() not in PROXIES}
    return {
        **inherited,
        "HF_HOME": str(tmp_path / "home"),
        "HF_ENDPOINT": "http://hub.invalid",
        "HTTP_PROXY": server.endpoint,
    }


def test_getting_listing_and_removing_a_published_model(outside, server, tmp_path) -> None:
    server.troubles = [Trouble(cut_after=4000)]
    got = undertone(outside, "models", "get", "2k")
    assert got.returncode == 0, got.stderr
    assert COMMIT[:12] in got.stdout
    assert "Downloading" in got.stderr
    assert server.ranges() == [None, "bytes=4000-"]
    folder = tmp_path / "home" / "undertone" / "2k"
    assert (folder / "model.safetensors").is_file()
    listed = undertone(outside, "models")
    assert [line.split()[:2] for line in listed.stdout.splitlines()[1:5]] == [
        ["bundled", "yes"],
        ["65k", "no"],
        ["4k", "no"],
        ["2k", "yes"],
    ]
    assert "the authors' own figures" in listed.stdout
    assert undertone(outside, "models", "remove", "2k").returncode == 0
    assert not folder.exists()


def test_importing_gives_a_name_to_use(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    source = put(tmp_path / "usb")
    assert main(["models", "import", str(source), "--name", "mine"]) == 0
    assert "--model mine" in capsys.readouterr().out
    assert (tmp_path / "home" / "undertone" / "mine" / "record.json").is_file()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("models get 5k", "There are: 65k, 4k, 2k."),
        ("models remove bundled", "cannot be removed"),
        ("models remove 4k", "undertone models get 4k"),
        ("models import pytorch_model.bin", "never opened"),
        ("demo --headless --model 4k", "undertone models get 4k"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    command: str, words: str, monkeypatch, tmp_path, capsys
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Path("pytorch_model.bin").write_bytes(b"\x80\x04")
    assert main(command.split()) == 1
    said = capsys.readouterr().err
    assert said.startswith("undertone: ")
    assert words in said


def test_the_table_tells_what_is_half_here_or_damaged() -> None:
    half = ModelView("2k", "", "published", 0.55, 1000, "Apache-2.0", partial=250)
    broken = ModelView("mine", "", "imported", 0.8, 9, "x", on_disk=True, problem="It is cut.")
    lines = table((half, broken)).splitlines()
    assert "25% of it" in lines[1]
    assert "damaged" in lines[2]
    assert lines[-1] == "mine: It is cut."


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (ModelProgress("m", "asking"), "Asking the server …"),
        (
            ModelProgress("m", "downloading", 2_500_000, 10_000_000, 1_250_000.0),
            "Downloading: 25%, 2.5 of 10.0 MB, 1.25 MB/s",
        ),
        (
            ModelProgress("m", "downloading", 1, 2, waiting=8.0),
            "Downloading: trying again in 8 s …",
        ),
    ],
)
def test_a_progress_in_a_line(progress: ModelProgress, words: str) -> None:
    assert in_words(progress) == words
