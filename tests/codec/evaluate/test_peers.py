from __future__ import annotations

import shutil

import numpy as np
import pytest

from codec.evaluate import peers
from codec.evaluate.measures import MeasureMissing

SECONDS = 2


@pytest.mark.parametrize(
    ("name", "program", "package"),
    [("codec2-700C", "c2enc", "codec2"), ("opus-6", "opusenc", "opus-tools")],
)
def test_a_peer_gives_back_as_much_as_it_took(name, program, package):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed (Debian: {package})")
    pulses = np.zeros(SECONDS * 16_000, np.float32)
    pulses[::160] = 0.5
    subject = peers.PEERS[name]()
    made = subject.through(pulses)
    assert made.shape == pulses.shape
    assert np.abs(made).max() > 0.01
    assert subject.kbps <= 6


@pytest.mark.parametrize("name", ["codec2-450", "opus-12"])
def test_a_peer_that_is_not_installed_is_told(name, monkeypatch):
    monkeypatch.setattr(peers.shutil, "which", lambda program: None)
    with pytest.raises(MeasureMissing, match="package"):
        peers.PEERS[name]()


def test_the_original_is_as_it_was():
    sig = np.random.default_rng(0).uniform(-1, 1, 1600).astype(np.float32)
    subject = peers.PEERS["original"]()
    assert np.array_equal(subject.through(sig), sig)
    assert subject.kbps == 256
