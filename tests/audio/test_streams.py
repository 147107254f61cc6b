from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app.audio import streams
from app.audio.backend import AudioInput, AudioOutput, DeviceLost
from app.audio.streams import PortAudioInput, PortAudioOutput, StreamPlan

FINE = SimpleNamespace(input_overflow=False, output_underflow=False)
LATE = SimpleNamespace(input_overflow=True, output_underflow=True)


def plan(rate: int = 16_000, channels: int = 1) -> StreamPlan:
    return StreamPlan(3, "Headset", rate, channels, rate // 100, 0.03)


class FakeStream:
    """Stands where a sounddevice stream does; the test calls its callback."""

    latency = 0.032

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.callback = options["callback"]
        self.finished = options["finished_callback"]
        self.running = False
        self.closed = False

    def start(self) -> None:
        self.running = True

    def close(self, ignore_errors: bool = True) -> None:
        self.closed = True

    def record(self, pcm: np.ndarray, status: Any = FINE, age: float = 0.0) -> None:
        stamps = SimpleNamespace(currentTime=50.0, inputBufferAdcTime=50.0 - age)
        self.callback(pcm, len(pcm), stamps, status)

    def play(
        self, frames: int, channels: int = 1, delay: float = 0.0, status: Any = FINE
    ) -> np.ndarray:
        out = np.full((frames, channels), np.nan, np.float32)
        stamps = SimpleNamespace(currentTime=50.0, outputBufferDacTime=50.0 + delay)
        self.callback(out, frames, stamps, status)
        return out


def microphone(a_plan: StreamPlan) -> tuple[PortAudioInput, FakeStream]:
    closed: list[Any] = []
    opened = PortAudioInput(a_plan, closed.append)
    opened.start(FakeStream)
    return opened, opened.stream


def loudspeaker(a_plan: StreamPlan, rate: int = 16_000) -> tuple[PortAudioOutput, FakeStream]:
    opened = PortAudioOutput(a_plan, rate, lambda stream: stream.close())
    opened.start(FakeStream)
    return opened, opened.stream


def test_both_are_what_the_engine_asks_for() -> None:
    assert isinstance(microphone(plan())[0], AudioInput)
    assert isinstance(loudspeaker(plan())[0], AudioOutput)


def test_the_stream_is_opened_by_its_plan() -> None:
    _, stream = microphone(plan(48_000, 2))
    assert stream.running
    told = {key: stream.options[key] for key in ("samplerate", "blocksize", "device", "channels")}
    assert told == {"samplerate": 48_000, "blocksize": 480, "device": 3, "channels": 2}


def test_a_stream_that_does_not_start_is_not_left_open() -> None:
    made: list[FakeStream] = []

    class Broken(FakeStream):
        def start(self) -> None:
            made.append(self)
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        PortAudioInput(plan(), lambda stream: None).start(Broken)
    assert made[0].closed


def test_blocks_become_chunks() -> None:
    opened, stream = microphone(plan())
    pcm = np.linspace(-0.5, 0.5, 1_600, dtype=np.float32)
    for block in pcm.reshape(10, 160, 1):
        stream.record(block)
    np.testing.assert_array_equal(opened.read(1_280, 0.0), pcm[:1_280])
    assert opened.read(1_280, 0.01) is None
    np.testing.assert_array_equal(opened.read(320, 0.0), pcm[1_280:])
    assert opened.level > -20.0
    assert opened.peak == pytest.approx(-6.0, abs=0.2)


def test_a_stereo_device_at_its_own_rate_becomes_mono_speech() -> None:
    opened, stream = microphone(plan(48_000, 2))
    moments = np.arange(24_000) / 48_000
    left = np.sin(2 * np.pi * 440 * moments).astype(np.float32)
    for block in np.stack([left, np.zeros_like(left)], axis=1).reshape(50, 480, 2):
        stream.record(block)
    heard = opened.read(7_900, 0.0)
    assert heard is not None
    wanted = 0.5 * np.sin(2 * np.pi * 440 * np.arange(7_900) / 16_000)
    assert np.max(np.abs(heard - wanted)[100:]) < 2e-3


def test_a_read_that_times_out_while_resampling_loses_nothing() -> None:
    opened, stream = microphone(plan(44_100))
    moments = np.arange(22_050) / 44_100
    pcm = np.sin(2 * np.pi * 440 * moments).astype(np.float32)
    chunks = []
    for block in pcm.reshape(50, 441, 1):
        stream.record(block)
        chunk = opened.read(320, 0.0)
        if chunk is not None:
            chunks.append(chunk)
    heard = np.concatenate(chunks)
    assert len(heard) > 7_000
    wanted = np.sin(2 * np.pi * 440 * np.arange(len(heard)) / 16_000)
    assert np.max(np.abs(heard - wanted)[100:]) < 4e-3


def test_what_nobody_reads_is_dropped_and_counted_at_the_delivered_rate() -> None:
    opened, stream = microphone(plan(48_000))
    for _ in range(100):
        stream.record(np.ones((480, 1), np.float32))
    assert opened.latency == pytest.approx(0.5, abs=0.05)
    opened.read(160, 0.0)
    assert opened.dropped == pytest.approx(16_000, abs=320)
    assert opened.latency < 0.06


def test_latency_follows_the_time_stamps_and_survives_false_ones() -> None:
    opened, stream = microphone(plan())
    assert opened.latency == pytest.approx(0.032)
    stream.record(np.zeros((160, 1), np.float32), age=-1e6)
    assert opened.latency == pytest.approx(0.032 + 0.01)
    stream.record(np.zeros((160, 1), np.float32), age=0.025)
    assert opened.latency == pytest.approx(0.015 + 0.02)
    speaker, out = loudspeaker(plan())
    out.play(160, delay=0.04)
    assert speaker.latency == pytest.approx(0.04)


def test_what_the_system_lost_counts_as_a_block_each_time() -> None:
    opened, stream = microphone(plan(48_000))
    stream.record(np.zeros((480, 1), np.float32), LATE)
    stream.record(np.zeros((480, 1), np.float32))
    stream.record(np.zeros((480, 1), np.float32), LATE)
    assert opened.dropped == 2 * 160


def test_zeros_are_noticed() -> None:
    opened, stream = microphone(plan())
    stream.record(np.zeros((1_600, 1), np.float32))
    opened.read(1_600, 0.0)
    assert opened.zero_seconds == pytest.approx(0.1)


def test_written_sound_is_played_and_silence_after_it() -> None:
    opened, stream = loudspeaker(plan(channels=2))
    pcm = np.linspace(0.1, 0.5, 240, dtype=np.float32)
    opened.write(pcm)
    assert opened.queued == pytest.approx(0.015)
    first, second, third = (stream.play(160, 2) for _ in range(3))
    np.testing.assert_array_equal(first[:, 0], pcm[:160])
    np.testing.assert_array_equal(first[:, 0], first[:, 1])
    np.testing.assert_array_equal(second[:80, 1], pcm[160:])
    assert not second[80:].any()
    assert not third.any()
    assert opened.underruns == 1
    assert opened.queued == 0.0
    assert opened.level > -20.0


def test_each_gap_counts_once() -> None:
    opened, stream = loudspeaker(plan())
    stream.play(160)
    assert opened.underruns == 0  # nothing was playing yet
    for _ in range(3):
        opened.write(np.ones(160, np.float32))
        for _ in range(4):
            stream.play(160)
    assert opened.underruns == 3


def test_a_gap_that_the_system_made_counts_too() -> None:
    opened, stream = loudspeaker(plan())
    opened.write(np.ones(480, np.float32))
    stream.play(160)
    stream.play(160, status=LATE)
    assert opened.underruns == 1


def test_blocks_of_the_host_apis_own_choosing_are_played() -> None:
    opened, stream = loudspeaker(plan())
    pcm = np.linspace(0, 1, 3_000, dtype=np.float32)
    opened.write(pcm)
    np.testing.assert_array_equal(stream.play(3_000)[:, 0], pcm)


def test_output_is_resampled_to_the_device() -> None:
    opened, stream = loudspeaker(plan(48_000))
    opened.write(np.sin(2 * np.pi * 440 * np.arange(8_000) / 16_000).astype(np.float32))
    assert opened.queued == pytest.approx(0.5, abs=0.003)
    played = stream.play(20_000)[:, 0]
    wanted = np.sin(2 * np.pi * 440 * np.arange(20_000) / 48_000)
    assert np.max(np.abs(played - wanted)[300:]) < 2e-3


def test_waiting_for_room() -> None:
    opened, stream = loudspeaker(plan())
    opened.write(np.ones(1_600, np.float32))
    assert not opened.wait_below(0.05, 0.01)
    stream.play(800)
    assert opened.wait_below(0.05, 0.01)


def test_a_device_that_finishes_is_lost() -> None:
    opened, stream = microphone(plan())
    stream.finished()
    with pytest.raises(DeviceLost, match="microphone “Headset” was unplugged"):
        opened.read(160, 1.0)
    speaker, out = loudspeaker(plan())
    out.finished()
    with pytest.raises(DeviceLost, match="loudspeaker “Headset” was unplugged"):
        speaker.write(np.zeros(160, np.float32))
    with pytest.raises(DeviceLost):
        speaker.wait_below(0.0, 1.0)


def test_a_device_that_falls_silent_is_lost(fake_time) -> None:
    pulse = streams._Pulse("Headset", "microphone", fake_time.clock)
    fake_time.now += streams.FIRST_CALLBACK_SECONDS - 0.1
    pulse.check()
    pulse.beat()
    fake_time.now += streams.SILENT_DEVICE_SECONDS - 0.1
    pulse.check()
    fake_time.now += 0.2
    with pytest.raises(DeviceLost):
        pulse.check()
    pulse.beat()
    pulse.check()


def test_a_closed_stream_is_not_a_lost_one() -> None:
    opened, stream = microphone(plan())
    opened.close()
    stream.finished()  # as PortAudio does when a stream is closed
    assert opened.read(160, 1.0) is None
    speaker, out = loudspeaker(plan())
    speaker.close()
    speaker.close()
    assert out.closed
    out.finished()
    speaker.write(np.zeros(160, np.float32))
    assert not speaker.wait_below(0.0, 1.0)
