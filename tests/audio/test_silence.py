from __future__ import annotations

import numpy as np

from app.audio.backend import AudioInput, AudioOutput
from app.audio.level import FLOOR
from app.audio.silence import NoInput, NoOutput


def test_no_microphone_delivers_silence_in_real_time(fake_time) -> None:
    microphone: AudioInput = NoInput(fake_time.clock, fake_time.sleep)
    pcm = microphone.read(1_280, 1.0)
    assert pcm is not None
    assert pcm.shape == (1_280,)
    assert pcm.dtype == np.float32
    assert not pcm.any()
    assert round(fake_time.now - 100.0, 6) == 0.08
    assert microphone.read(1_280, 0.01) is None
    assert microphone.level == FLOOR
    assert microphone.zero_seconds == 0.0
    microphone.close()
    assert microphone.read(1_280, 1.0) is None


def test_no_loudspeaker_takes_sound_in_real_time(fake_time) -> None:
    loudspeaker: AudioOutput = NoOutput(16_000, fake_time.clock, fake_time.sleep)
    loudspeaker.write(np.full(1_600, 0.5, np.float32))
    assert round(loudspeaker.queued, 6) == 0.1
    assert loudspeaker.level > -7.0
    assert loudspeaker.wait_below(0.0, 1.0)
    fake_time.now += 0.1
    loudspeaker.write(np.zeros(160, np.float32))
    assert loudspeaker.underruns == 1
    loudspeaker.close()
    loudspeaker.write(np.zeros(16_000, np.float32))
    assert loudspeaker.queued < 0.02
