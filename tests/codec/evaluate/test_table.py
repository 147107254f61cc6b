from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.torch import save_file

from codec.__main__ import main
from codec.evaluate import table
from tests.models import SMALL_LITE, small_codec


class Parrot:
    """Hears as many words as there are seconds, one of them wrong when the clip is quiet."""

    name = "Parrot"

    def transcribe(self, sig: np.ndarray) -> list[str]:
        heard = ["word"] * (len(sig) // 16_000)
        return ["wrong", *heard[1:]] if np.abs(sig).max() < 0.1 else heard


@pytest.fixture
def clips(tmp_path) -> list[Path]:
    random = np.random.default_rng(0)
    paths = []
    for name, seconds, rate in (("librispeech-a", 2, 16_000), ("cv-de", 1, 44_100)):
        paths.append(tmp_path / f"{name}.wav")
        soundfile.write(paths[-1], 0.2 * random.standard_normal(seconds * rate), rate)
    return paths


@pytest.fixture
def model(tmp_path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    save_file(small_codec().state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(SMALL_LITE))
    return folder


def test_what_went_through_is_as_long_and_not_late(clips):
    codec = small_codec()
    sig = table.read_clip(clips[0])
    assert len(sig) == 32_000
    out = table.through(codec, sig)
    assert len(out) == 32_000
    assert out.dtype == np.float32
    assert len(table.read_clip(clips[1])) == pytest.approx(16_000, abs=2)


def test_a_row_a_corpus_and_words_in_english_only(clips, tmp_path):
    subject = table.model_subject(small_codec(), "small")
    rows = table.evaluate(subject, clips, ["lsd"], [Parrot()], listen=tmp_path / "d")
    assert [(row.corpus, row.clips) for row in rows] == [("librispeech", 1), ("cv", 1)]
    assert rows[0].words["Parrot"][0][1] == 2
    assert not rows[1].words["Parrot"]
    cells = table.table(rows, ["lsd"], [Parrot()])
    assert cells[0][-2:] == ["LSD, dB", "dWER (Parrot)"]
    assert cells[2][-1] == "–"
    assert {path.name for path in (tmp_path / "d").iterdir()} == {
        "librispeech-a.small.wav",
        "cv-de.small.wav",
    }


def test_an_original_is_heard_once_for_all_subjects(clips):
    class Counting(Parrot):
        count = 0

        def transcribe(self, sig: np.ndarray) -> list[str]:
            self.count += 1
            return super().transcribe(sig)

    subject, recogniser = table.Subject("same", 1.0, np.copy), Counting()
    heard: dict = {}
    for _ in range(3):
        (row,) = table.evaluate(subject, clips[:1], [], [recogniser], heard=heard)
        assert row.words["Parrot"] == [(0, 2)]
    assert recogniser.count == 4


def test_the_command_prints_and_saves_models_side_by_side(clips, model, tmp_path, capsys):
    words = ["eval", str(clips[0]), "--model", str(model), str(model), "--metrics", "lsd"]
    assert main([*words, "--save", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert printed.count("librispeech") == 2
    assert (tmp_path / "out" / "table.md").read_text().strip() == printed.strip()
    with open(tmp_path / "out" / "table.csv", newline="") as file:
        assert len(list(csv.reader(file))) == 3


def test_entropy_is_of_all_of_a_corpus_and_of_codes_only(clips):
    codec = small_codec()
    subject = table.model_subject(codec, "small")
    mute = table.Subject("mute", 1.0, np.zeros_like)
    rows = table.evaluate(subject, [clips[0], clips[0]], ["entropy"], [])
    (row,) = rows
    assert sum(map(len, row.tokens)) == 2 * 25 * 4  # 2 s are 25 chunks of 4 codes
    assert row.bits == 16
    cells = table.table(rows + table.evaluate(mute, clips[:1], ["entropy"], []), ["entropy"], [])
    assert cells[0][-2:] == ["entropy of bits", "entropy of tokens"]
    assert cells[1][-1].endswith("n=200)")
    assert 0 < float(cells[1][-2]) <= 1
    assert cells[2][-2:] == ["–", "–"]
    assert len(table.entropy_of_all(rows)) == 1
    assert table.codes(codec, np.zeros(1279, np.float32)).shape == (0,)


def test_the_command_draws_a_picture_a_clip(clips, model, tmp_path, capsys):
    words = ["eval", *map(str, clips), "--model", str(model), "--metrics", "--pictures"]
    assert main(words) == 1
    assert "--save" in capsys.readouterr().err
    pytest.importorskip("matplotlib", reason="matplotlib (extra “pictures”) is not installed")
    assert main([*words, "--save", str(tmp_path / "out")]) == 0
    pictures = sorted((tmp_path / "out").glob("*.png"))
    assert [path.stem for path in pictures] == ["cv-de", "librispeech-a"]


def test_bad_input_is_told_in_a_line(clips, model, tmp_path, capsys):
    for words, told in (
        (["eval", str(clips[0]), "--metrics", "beauty"], "beauty"),
        (["eval", str(clips[0]), "--recogniser", "dog"], "dog"),
        (["eval", str(tmp_path / "none.wav"), "--model", str(model)], "none.wav"),
    ):
        assert main(words) == 1
        assert told in capsys.readouterr().err.splitlines()[-1]
