from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from app.demo import bundled_clip
from codec.__main__ import main
from codec.evaluate import abuse, robust, table
from codec.evaluate.measures import RATE
from codec.model.codec import Codec
from codec.spec import CodecSpec
from codec.weights import load


class Repeater(Codec):
    """Its codes are the loudness of each 20 ms, and what it says is noise as loud; or it is ill."""

    spec = CodecSpec("repeater", 9, 16, 16_000)

    def __init__(self, ill: str = "") -> None:
        super().__init__()
        self.ill = ill

    def encode(self, sig, state=None):
        level = sig.reshape(1, -1, 320).square().mean(-1).sqrt()
        return (level * 65_535).long(), torch.zeros(4)

    def dequantize(self, codes, state=None):
        return codes[..., None].float() / 65_535, None

    def vocode(self, qfeats, state=None):
        chunks = torch.zeros(1) if state is None else state
        chunks = chunks + qfeats.shape[1] / 4
        loudness = qfeats[..., 0]
        if self.ill == "roars at silence":
            loudness = torch.where(loudness > 0, loudness, 0.5)
        if self.ill == "tires":
            loudness = loudness / (1 + chunks / 500)
        if self.ill == "never recovers" and (chunks < 0 or (loudness > 0.4).any()):
            chunks = torch.full_like(chunks, -1e9)
        if self.ill == "never recovers" and chunks < 0:
            loudness = torch.zeros_like(loudness)
        if self.ill == "gives no numbers" and (loudness > 0.4).any():
            loudness = loudness * torch.nan
        if self.ill == "grows":
            return self._wave(loudness), torch.cat([chunks, chunks[:1]])
        return self._wave(loudness), chunks

    def _wave(self, loudness):
        noise = torch.from_numpy(np.random.default_rng(0).choice([-1.0, 1.0], 320)).float()
        return (loudness[..., None] * noise).reshape(1, -1)


@cache
def speech(seconds: float = 2.0) -> np.ndarray:
    return table.read_clip(bundled_clip())[: int(seconds * RATE)]


@pytest.fixture(autouse=True)
def short(monkeypatch) -> None:
    monkeypatch.setattr(abuse, "SECONDS", 1.2)


def found(codec: Codec, name: str) -> robust.Stress:
    (result,) = robust.stress(codec, speech(), [name])
    return result


def test_a_healthy_codec_has_nothing_to_hide():
    for result in robust.stress(Repeater(), speech()):
        assert result.finite
        assert result.burst < 1.0
        assert abs(result.harm) < 0.1
        assert result.strays < 0.1
        assert result.pinned == 0.0 or "noise" not in result.name


@pytest.mark.parametrize(
    ("ill", "name", "shows"),
    [
        ("roars at silence", "digital silence", lambda found: found.burst > 30),
        ("roars at silence", "digital silence", lambda found: found.gain > -10),
        ("never recovers", "speech clipped at +20 dB", lambda found: found.strays > 10),
        ("gives no numbers", "speech clipped at +20 dB", lambda found: not found.finite),
    ],
)
def test_each_illness_shows(ill, name, shows):
    assert shows(found(Repeater(ill), name))
    assert not shows(found(Repeater(), name))


@pytest.mark.parametrize("name", abuse.ABUSES)
def test_the_bundled_model_bears_it(name, monkeypatch):
    monkeypatch.setitem(abuse.ABUSES, "10 s of silence", abuse.silence)
    result = found(_bundled(), name)
    assert result.finite
    assert result.burst < 10.0
    assert result.harm < 1.0
    assert result.strays < 3.0
    assert result.pinned < 0.05
    assert result.gain < (-60.0 if "silence" in name else 3.0)


def test_the_bundled_model_is_the_same_after_many_laps():
    result = robust.endure(_bundled(), [speech(1.6), speech(0.8)], 0.2)
    assert result.laps == 5
    assert result.finite
    assert result.codes_changed < 0.01
    assert result.lsd_last == pytest.approx(result.lsd_first, abs=0.2)
    assert result.state_bytes_first == result.state_bytes_last


def test_a_codec_that_tires_or_grows_shows():
    tired = robust.endure(Repeater("tires"), [speech()], 0.3)
    assert tired.drift > 0.01
    assert abs(tired.lsd_last - tired.lsd_first) > 0.1
    grown = robust.endure(Repeater("grows"), [speech()], 0.3)
    assert grown.state_bytes_last > grown.state_bytes_first
    well = robust.endure(Repeater(), [speech()], 0.3)
    assert well.drift == 0.0
    assert well.codes_changed == 0.0


def test_a_burst_needs_silence_around_it():
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, RATE).astype(np.float32)
    quiet = np.zeros_like(noise)
    assert robust.burst(noise, noise) == pytest.approx(0.0, abs=0.5)
    assert robust.burst(quiet, noise) > 35
    assert robust.burst(noise, quiet) < -30
    late = np.concatenate([np.zeros(1600, np.float32), noise])[:RATE]
    assert robust.burst(noise, late) < 1.0


def test_the_command_prints_a_row_a_sound(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("codec.weights.load", lambda name: Repeater())
    assert main(["stress", str(bundled_clip()), "--minutes", "0.1"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in abuse.ABUSES)
    assert "NOT ALL" not in printed
    assert "0.0000% changed" in printed


@cache
def _bundled() -> Codec:
    return load()
