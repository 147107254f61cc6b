"""The speaking side without a network: what is sent of what a microphone hears."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile

from app.audio.backend import EndOfInput
from app.core import packet
from app.core.meter import Meter
from app.core.packet import NO_SOUND, SilencePacket, VoicePacket
from app.core.packing import Rate
from app.core.profile import Plan, Profile
from app.demo import bundled_clip
from app.engine.sending import Sending
from app.engine.speaking import Speaking
from codec.stream import StreamEncoder
from tests.models import small_nested_codec

RATES = (Rate(1, 16), Rate(5, 12, 4), Rate(6, 11, 5))
BITS = {1: 16, 5: 12, 6: 11}
LOW = Plan(Profile.LOW_DELAY, 1, (1,))
SAVER = Plan(Profile.SAVER, 4, (), lean=True)
TIMEOUT = 60.0


class Recording:
    """A microphone that hears these samples, as fast as they are read."""

    latency = 0.0

    def __init__(self, pcm: np.ndarray) -> None:
        self._chunks = iter(pcm[: len(pcm) // 1280 * 1280].reshape(-1, 1280))

    def read(self, samples: int, timeout: float) -> np.ndarray:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise EndOfInput
        return chunk.astype(np.float32)


class Fixed:
    """Fills every packet alike."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def plan(self) -> Plan:
        return self._plan


def speak(
    pcm: np.ndarray, *to: tuple[Callable[[bytes], object], Plan], muted: bool = False, **more: Any
) -> None:
    """Speak a recording to some."""
    over = threading.Event()
    clock = lambda: 0.0  # noqa: E731
    speaking = Speaking(
        StreamEncoder(small_nested_codec()),
        Recording(pcm),  # type: ignore[arg-type]
        is_muted=lambda: muted,
        clock=clock,
        say=lambda notice: pytest.fail(str(notice)),
        on_end=over.set,
        **more,
    )
    for take, plan in to:
        speaking.add(Sending(RATES, Fixed(plan), send=take, meter=Meter(clock)))
    speaking.start()
    assert over.wait(TIMEOUT)
    speaking.stop()


def said(pcm: np.ndarray, plan: Plan = LOW, **more: Any) -> list[Any]:
    """The packets sent of a recording."""
    sent: list[bytes] = []
    speak(pcm, (sent.append, plan), **more)
    return [packet.decode(each, BITS) for each in sent]


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    pcm, _ = soundfile.read(bundled_clip(), dtype="float32", frames=16_000)
    return pcm / np.abs(pcm).max() * 0.5


def test_a_silent_microphone_sends_word_of_it_and_no_more() -> None:
    sent = said(np.zeros(16_000 * 4))
    assert [type(each) for each in sent] == [SilencePacket, SilencePacket]


def test_silence_is_sent_like_speech_where_a_person_wants_it() -> None:
    sent = said(np.zeros(1280 * 10), continuous=True)
    assert [type(each) for each in sent] == [VoicePacket] * 10


def test_speech_between_pauses(speech: np.ndarray) -> None:
    pause = np.zeros(1280 * 25)
    sent = said(np.concatenate([pause, speech, pause]))
    onsets = [each for each in sent if isinstance(each, VoicePacket) and each.onset]
    assert onsets[0].sequence >= 24
    assert len(onsets[0].new) == 2  # with the chunk before
    quiet = [each for each in sent if isinstance(each, SilencePacket)]
    assert quiet[0].sequence == 0
    assert quiet[-2].sequence > onsets[-1].sequence
    voices = [each for each in sent if isinstance(each, VoicePacket)]
    assert 6 <= len(voices) <= 20


def test_a_muted_microphone_tells_no_sound(speech: np.ndarray) -> None:
    sent = said(speech, muted=True)
    assert all(isinstance(each, SilencePacket) and each.noise == NO_SOUND for each in sent)
    assert len(sent) == 2


def test_the_saver_sends_the_same_speech_at_the_lowest_rate(speech: np.ndarray) -> None:
    full = [codes for each in said(speech, continuous=True) for codes in each.new]
    lean = said(speech, SAVER, continuous=True)
    assert {each.model_id for each in lean} == {6}
    assert [codes for each in lean for codes in each.new] == [
        tuple(code >> 5 for code in codes) for codes in full[: 4 * len(lean)]
    ]


def test_all_peers_get_the_same_speech_each_filled_its_own_way(speech: np.ndarray) -> None:
    one: list[bytes] = []
    other: list[bytes] = []
    speak(speech, (one.append, LOW), (other.append, SAVER), continuous=True)
    full = [codes for each in one for codes in packet.decode(each, BITS).new]
    lean = [codes for each in other for codes in packet.decode(each, BITS).new]
    assert len(one) > 3 * len(other)
    assert lean == [tuple(code >> 5 for code in codes) for codes in full[: len(lean)]]


def test_another_model_is_spoken_from_a_chunk_on_and_no_chunk_is_missing(
    speech: np.ndarray,
) -> None:
    sent: list[bytes] = []
    other = (Rate(3, 16),)
    spoken: list[Speaking] = []

    class Changing(Recording):
        def read(self, samples: int, timeout: float) -> np.ndarray:
            if len(sent) == 4:
                spoken[0].use(StreamEncoder(small_nested_codec(1)), other)
            return super().read(samples, timeout)

    over = threading.Event()
    speaking = Speaking(
        StreamEncoder(small_nested_codec()),
        Changing(speech),  # type: ignore[arg-type]
        continuous=True,
        is_muted=lambda: False,
        clock=lambda: 0.0,
        say=lambda notice: pytest.fail(str(notice)),
        on_end=over.set,
    )
    spoken.append(speaking)
    speaking.add(Sending(RATES, Fixed(LOW), send=sent.append, meter=Meter(lambda: 0.0)))
    speaking.start()
    assert over.wait(TIMEOUT)
    speaking.stop()
    packets = [packet.decode(each, {**BITS, 3: 16}) for each in sent]
    assert [each.model_id for each in packets] == [1] * 4 + [3] * (len(packets) - 4)
    assert [each.sequence for each in packets] == list(range(len(packets)))
    assert [len(each.redundant) for each in packets[3:6]] == [1, 0, 1]
