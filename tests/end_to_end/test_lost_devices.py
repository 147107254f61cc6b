"""The sound system dies in the middle of a call in the terminal: real processes, real PortAudio
streams through PulseAudio, real WebRTC."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.talker import Talker

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.devices


@pytest.fixture
def long_clip(clip, tmp_path) -> Path:
    """Half a minute of speech."""
    path = tmp_path / "long.wav"
    speech, rate = soundfile.read(clip)
    soundfile.write(path, np.tile(speech, 5), rate)
    return path


def test_a_call_goes_on_when_the_devices_go_away(audio, long_clip, tmp_path):
    environment = {
        **audio.env("alice"),
        "PYTHONPATH": str(ROOT),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    alice = Talker(environment, "--loopback", "--name", "Alice", "--seconds", 20)
    bob = None
    try:
        files = ["--input", long_clip, "--output", tmp_path / "heard.wav"]
        invite = alice.link()
        bob = Talker(environment, "--loopback", "--name", "Bob", *files, "--join", invite)
        alice.paste(bob.link())
        for kind in ("source-outputs", "sink-inputs"):
            audio.wait_for_stream(alice.process.pid, kind)
        audio.stop()
        alice.wait_for("unplugged or stopped answering")
        assert (alice.wait(), bob.wait()) == (0, 0), alice.said + bob.said
    finally:
        for talker in (alice, bob):
            if talker is not None:
                talker.kill()
    assert "You hung up." in alice.said  # After the 20 seconds, as if nothing had happened.
    assert "The other side hung up." in bob.said
    assert "Traceback" not in alice.said + bob.said
    assert soundfile.info(tmp_path / "heard.wav").frames
