from __future__ import annotations

import numpy as np
import pytest

from app.audio.mixer import Mixer

RATE = 16_000


def ramp(samples: int, start: int = 0) -> np.ndarray:
    return np.arange(start, start + samples, dtype=np.float32) / 1e5


def test_one_alone_comes_out_as_it_went_in() -> None:
    mixer = Mixer(RATE)
    track = mixer.add()
    for at in range(0, 2000, 500):
        track.write(ramp(500, at))
    assert mixer.ready == 2000
    assert np.array_equal(np.concatenate([mixer.mix(320), mixer.mix(1680)]), ramp(2000))
    assert mixer.ready == 0


def test_several_are_added_sample_by_sample() -> None:
    mixer = Mixer(RATE)
    one, other = mixer.add(), mixer.add()
    one.write(ramp(700))
    other.write(ramp(400))
    assert mixer.ready == 400
    first = mixer.mix(400)
    other.write(ramp(300, 400))
    assert np.allclose(np.concatenate([first, mixer.mix(300)]), 2 * ramp(700))


def test_one_who_has_nothing_is_silent() -> None:
    mixer = Mixer(RATE)
    mixer.add()
    one = mixer.add()
    one.write(ramp(100))
    assert np.array_equal(mixer.mix(150), np.concatenate([ramp(100), np.zeros(50)]))


def test_a_volume_glides_in_and_holds() -> None:
    mixer = Mixer(RATE)
    track = mixer.add()
    track.volume = 0.5
    track.write(np.full(640, 0.5, np.float32))
    turned = mixer.mix(320)
    assert np.abs(np.diff(turned)).max() < 0.001
    assert mixer.mix(320) == pytest.approx(np.full(320, 0.25))


def test_one_who_is_silenced_is_not_heard_and_still_seen() -> None:
    mixer = Mixer(RATE)
    track = mixer.add()
    track.silenced = True
    track.write(np.full(960, 0.5, np.float32))
    mixer.mix(320)
    assert not mixer.mix(320).any()
    assert track.level == pytest.approx(-6, abs=0.5)
    track.silenced = False
    mixer.mix(160)
    assert mixer.mix(160) == pytest.approx(np.full(160, 0.5))


def test_eight_who_shout_do_not_clip() -> None:
    mixer = Mixer(RATE)
    tracks = [mixer.add() for _ in range(8)]
    for track in tracks:
        track.write(np.sin(np.arange(3200) * 0.2).astype(np.float32))
    mixed = np.concatenate([mixer.mix(320) for _ in range(10)])
    assert np.abs(mixed).max() <= 1.0
    assert (np.abs(mixed[320:]) > 0.999).mean() < 0.05


def test_a_cue_is_played_once_on_top() -> None:
    mixer = Mixer(24_000)
    track = mixer.add()
    mixer.cue(np.full(1600, 0.25, np.float32))
    cue = mixer.ready
    assert 2390 <= cue <= 2450
    track.write(np.full(9600, 0.5, np.float32))
    mixed = mixer.mix(4800)
    assert mixed[1200] == pytest.approx(0.75, abs=0.01)
    assert mixed[-1] == pytest.approx(0.5)
    assert mixer.ready == 4800


def test_who_left_is_heard_no_more() -> None:
    mixer = Mixer(RATE)
    one, other = mixer.add(), mixer.add()
    one.write(ramp(100))
    other.write(ramp(100))
    mixer.remove(other)
    assert np.array_equal(mixer.mix(100), ramp(100))
