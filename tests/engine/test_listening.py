"""The listening side without a network or a thread: what is played of what comes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from app.core import packet
from app.core.meter import Meter
from app.core.packet import NoiseHint, SilencePacket, VoicePacket
from app.core.state import Notice
from app.engine.listening import Listening
from codec.model.codec import Codec
from codec.spec import CodecSpec
from tests.models import small_codec, small_nested_codec

CODES = (1, 2, 3, 4)


class Ear:
    """A loudspeaker that holds what it is given until told to play."""

    latency = 0.0

    def __init__(self) -> None:
        self.pcm = np.zeros(0, np.float32)
        self.queued = 0.0

    def write(self, pcm: np.ndarray) -> None:
        self.pcm = np.concatenate([self.pcm, pcm])
        self.queued += len(pcm) / 16_000


class Constant(Codec):
    """A model of another kind, at 24 kHz, that makes the same of all codes."""

    spec = CodecSpec("constant", 3, 12, 24_000)

    def encode(self, sig, state=None):
        raise NotImplementedError

    def dequantize(self, codes, state=None):
        return codes[..., None], state

    def vocode(self, qfeats, state=None):
        return torch.full((1, 480 * qfeats.shape[1]), 0.25), state


class Listener:
    """A listener to some peers with a clock of its own, stepped by hand."""

    def __init__(self, codec=None, peers: int = 1) -> None:
        self.now = 0.0
        self.ear = Ear()
        self.said: list[Notice] = []
        self.meter = Meter(lambda: self.now)
        self.listening = Listening(
            codec or small_nested_codec(),
            self.ear,  # type: ignore[arg-type]
            clock=lambda: self.now,
            say=self.said.append,
        )
        self.hearings = [self.listening.add(self.meter) for _ in range(peers)]
        self.hearing = self.hearings[0]

    def receive(self, sent: packet.Packet, bits: int = 16, peer: int = 0) -> None:
        self.hearings[peer].receive(packet.encode(sent, bits))

    def play(self, seconds: float) -> np.ndarray:
        """What is heard in so many seconds."""
        before = len(self.ear.pcm)
        for _ in range(round(seconds / 0.01)):
            while (queued := self.ear.queued) < 0.03:
                self.listening._play_next()
                if self.ear.queued == queued:
                    break  # Nothing will change before time goes on.
            self.now += 0.01
            self.ear.queued = max(self.ear.queued - 0.01, 0.0)
        return self.ear.pcm[before:]


def quick(monkeypatch: pytest.MonkeyPatch, listener: Listener) -> None:
    """Nothing comes while a test waits, so no time need pass."""
    monkeypatch.setattr(listener.listening._arrived, "wait", lambda timeout=None: False)


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    made = Listener()
    quick(monkeypatch, made)
    return made


def speak(listener: Listener, first: int, chunks: int, *, onset: bool = True) -> None:
    for number in range(first, first + chunks):
        starts = onset and number == first
        listener.receive(VoicePacket(1, number, (CODES,), onset=starts))
        listener.play(0.08)


def test_speech_is_played_chunk_by_chunk(listener: Listener) -> None:
    speak(listener, 0, 12)
    stats = listener.hearing.stats()
    assert stats.played >= 10
    assert stats.lost == 0
    assert listener.meter.read().codes_down_total == 12 * 8


def test_a_silent_peer_sounds_like_a_room(listener: Listener) -> None:
    speak(listener, 0, 6)
    listener.receive(SilencePacket(1, 6, 0, NoiseHint(40)))
    listener.play(1.0)
    room = listener.play(2.0)
    assert len(room) >= 1.9 * 16_000
    assert 20 * np.log10(np.std(room)) == pytest.approx(-40, abs=1)
    assert listener.hearing.stats().lost == 0
    speak(listener, 43, 5)
    assert listener.hearing.stats().lost == 0


def test_speech_and_noise_are_joined_without_a_step(listener: Listener) -> None:
    speak(listener, 0, 6)
    own = np.abs(np.diff(listener.ear.pcm)).max()
    listener.receive(SilencePacket(1, 6, 0, NoiseHint(50)))
    listener.play(1.0)
    listener.receive(VoicePacket(1, 18, (CODES,), onset=True))
    listener.play(0.3)
    assert np.abs(np.diff(listener.ear.pcm)).max() <= 1.5 * own + 0.02


def test_a_muted_peer_is_quiet(listener: Listener) -> None:
    speak(listener, 0, 4)
    listener.receive(SilencePacket(1, 4, 0, packet.NO_SOUND))
    listener.play(1.0)
    assert not np.abs(listener.play(1.0)).max(initial=0.0) > 1e-4


def test_the_rate_may_change_with_each_packet(listener: Listener) -> None:
    for number in range(9):
        model_id, bits = ((1, 16), (5, 12), (6, 11))[number % 3]
        listener.receive(VoicePacket(model_id, number, (CODES,), onset=number == 0), bits)
        listener.play(0.08)
    assert listener.hearing.stats().played >= 7
    assert listener.said == []


def test_a_rate_the_model_does_not_have_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener(small_codec())
    quick(monkeypatch, listener)
    for number in range(3):
        listener.receive(VoicePacket(6, number, (CODES,)), 11)
    assert len(listener.said) == 1
    assert "model" in listener.said[0].text


def test_what_is_lost_is_concealed_and_reported(listener: Listener) -> None:
    for number in range(60):
        if number % 4:
            listener.receive(VoicePacket(1, number, (CODES,), onset=number == 1))
        listener.play(0.08)
    assert listener.hearing.stats().lost >= 10
    report = listener.hearing.due_report()
    assert report is not None
    assert report.loss == pytest.approx(0.25, abs=0.03)
    assert listener.hearing.due_report() is None


def test_a_late_start_is_caught_up_by_shorter_chunks(listener: Listener) -> None:
    speak(listener, 0, 10)
    listener.receive(SilencePacket(1, 10, 0, NoiseHint(60)))
    listener.play(1.0)
    at = round(listener.now / 0.08)
    listener.receive(VoicePacket(1, at - 2, (CODES, CODES), onset=True))
    for number in range(at, at + 30):
        listener.play(0.08)
        listener.receive(VoicePacket(1, number, (CODES,)))
    assert listener.hearing.stats().lost == 0
    assert listener.hearing.stats().delay <= 0.1


@pytest.fixture
def among_three(monkeypatch: pytest.MonkeyPatch) -> Listener:
    made = Listener(peers=3)
    quick(monkeypatch, made)
    return made


def test_peers_out_of_step_are_all_played_whole(among_three: Listener) -> None:
    listener = among_three
    for tick in range(240):
        for peer, offset in enumerate((0, 3, 6)):
            number, due = divmod(tick - offset, 8)
            if due == 0 and number >= 0:
                listener.receive(VoicePacket(1, number, (CODES,), onset=number == 0), peer=peer)
        listener.play(0.01)
    for hearing in listener.hearings:
        assert hearing.stats().played >= 27
        assert hearing.stats().lost == 0
    # However many speak, a second of the call is a second at the loudspeaker.
    assert len(listener.ear.pcm) / 16_000 == pytest.approx(2.4, abs=0.15)
    assert listener.ear.queued < 0.08


def test_one_who_is_late_does_not_keep_the_others_waiting(among_three: Listener) -> None:
    listener = among_three
    for number in range(50):
        listener.receive(VoicePacket(1, number, (CODES,), onset=number == 0), peer=0)
        if number < 5:
            listener.receive(VoicePacket(1, number, (CODES,), onset=number == 0), peer=1)
        listener.play(0.08)
    steady, lost = listener.hearings[0].stats(), listener.hearings[1].stats()
    assert steady.played >= 48
    assert steady.lost == 0
    assert lost.played == 5


def test_one_alone_is_played_as_before_others_came(among_three: Listener) -> None:
    alone = Listener()
    listener = among_three
    for hearing in listener.hearings[1:]:
        listener.listening.remove(hearing)
    for each in (alone, listener):
        speak(each, 0, 12)
    assert np.array_equal(alone.ear.pcm, listener.ear.pcm)


def test_an_onset_is_not_kept_waiting_by_another_speaker(among_three: Listener) -> None:
    listener = among_three
    speak(listener, 0, 6)
    listener.receive(VoicePacket(1, 0, (CODES,), onset=True), peer=1)
    listener.receive(VoicePacket(1, 6, (CODES,)))
    listener.play(0.04)
    assert listener.hearings[1].stats().played == 1
    assert (listener.hearings[1].ahead_seconds.value or 0) <= 0.07


class Counting(Constant):
    """Makes of codes a level that is theirs alone, and notes how many streams each pass is of."""

    spec = CodecSpec("counting", 3, 12, 16_000)

    def __init__(self) -> None:
        super().__init__()
        self.passes: list[int] = []

    def dequantize(self, codes, state=None):
        return codes[..., None], torch.zeros(len(codes), 1)

    def vocode(self, qfeats, state=None):
        self.passes.append(len(qfeats))
        return qfeats[..., 0].float().repeat_interleave(320, dim=1) / 65536, torch.zeros(
            len(qfeats), 1
        )


def out_of_step(monkeypatch: pytest.MonkeyPatch, offsets: tuple[int, ...]) -> tuple:
    """What is heard of peers whose packets come so many 10 ms after another's, and the passes."""
    codec = Counting()
    listener = Listener(codec, peers=len(offsets))
    quick(monkeypatch, listener)
    codec.passes.clear()  # of warming up
    rng = np.random.default_rng(0)
    for tick in range(480):
        for peer, offset in enumerate(offsets):
            number, due = divmod(tick - offset, 8)
            if due == 0 and number >= 0 and rng.random() > 0.03:
                codes = tuple(
                    int(code) for code in 500 + (311 * number + peer) % 500 + np.arange(4)
                )
                sent = VoicePacket(3, number, (codes,), onset=number == 0)
                listener.receive(sent, 12, peer)
        listener.play(0.01)
    return listener, codec.passes


def test_peers_nearly_in_step_are_decoded_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    listener, passes = out_of_step(monkeypatch, (0, 1, 2))
    chunks = sum(hearing.stats().played + hearing.stats().lost for hearing in listener.hearings)
    assert chunks >= 170
    assert passes.count(3) >= 0.7 * chunks / 3


def test_of_seven_out_of_step_some_share_each_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    listener, passes = out_of_step(monkeypatch, (0, 1, 2, 3, 4, 5, 6))
    assert len(passes) <= 0.6 * sum(passes)
    assert [hearing.stats().dropped for hearing in listener.hearings] == [0] * 7


@pytest.mark.parametrize("offsets", [(0, 1), (0, 2, 3), (0, 3, 6)])
def test_who_is_decoded_early_is_heard_as_if_not(
    monkeypatch: pytest.MonkeyPatch, offsets: tuple[int, ...]
) -> None:
    joined, passes = out_of_step(monkeypatch, offsets)
    monkeypatch.setattr("app.core.passes.EARLY_SECONDS", 0.0)
    apart, more_passes = out_of_step(monkeypatch, offsets)
    assert len(passes) < len(more_passes)
    for one, other in zip(joined.hearings, apart.hearings, strict=True):
        assert one.stats().lost == other.stats().lost
    # How far ahead it is mixed by now may differ, by no more than a block.
    both = min(len(joined.ear.pcm), len(apart.ear.pcm))
    assert both >= 4.7 * 16_000
    np.testing.assert_allclose(joined.ear.pcm[:both], apart.ear.pcm[:both], rtol=0, atol=1e-6)
    assert joined.ear.queued <= 0.03 + 0.04


def test_what_one_of_several_lost_is_concealed_when_it_is_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listener, _ = out_of_step(monkeypatch, (0, 1, 2))
    assert sum(hearing.stats().lost for hearing in listener.hearings) >= 3
    assert [hearing.stats().dropped for hearing in listener.hearings] == [0, 0, 0]


def test_one_alone_is_never_early(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, passes = out_of_step(monkeypatch, (0,))
    assert set(passes) == {1}
    assert (alone.hearing.ahead_seconds.value or 0) < 0.03


def test_a_cue_sounds_while_nobody_speaks(listener: Listener) -> None:
    listener.listening.cue(np.full(1600, 0.3, np.float32))
    listener.play(0.3)
    assert len(listener.ear.pcm) == 1600
    assert listener.ear.pcm[800] == pytest.approx(0.3)


def test_packets_of_a_second_model_are_heard_once_it_is_learnt(listener: Listener) -> None:
    other = Constant()
    speak(listener, 0, 4)
    listener.receive(VoicePacket(3, 4, (CODES,)), bits=12)
    assert "not understood" in listener.said[0].text
    listener.listening.learn(other)
    listener.receive(VoicePacket(3, 4, (CODES,)), bits=12)
    listener.receive(VoicePacket(3, 5, (CODES,)), bits=12)
    listener.receive(VoicePacket(1, 6, (CODES,)))
    heard = listener.play(0.6)
    level = np.isclose(heard, 0.25, atol=1e-3).sum()
    assert 1500 < level < 2600  # 24 kHz, brought down to the 16 of the mix
    assert listener.hearing.stats().lost == 0
    assert listener.listening.add(listener.meter)._bits == {1: 16, 5: 12, 6: 11, 3: 12}


def test_models_of_one_kind_trained_apart_are_not_told_apart(listener: Listener) -> None:
    twin, stranger = small_codec(1), small_codec(1)
    twin.spec = replace(twin.spec, digest=0)
    stranger.spec = replace(stranger.spec, digest=5)
    assert listener.listening.tells_apart(twin)
    assert not listener.listening.tells_apart(stranger)


def test_a_busy_machine_keeps_more_sound_ahead(listener: Listener) -> None:
    before = listener.listening._lead()
    listener.listening.spares = True
    assert listener.listening._lead() == pytest.approx(before + 0.08)
