"""Open PortAudio streams: callbacks that only copy, and threads that wait at a ring."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.audio.backend import SPEECH_RATE, DeviceLost
from app.audio.level import LevelMeter, Metered
from app.audio.resample import Resampler
from app.audio.ring import Ring

FIRST_CALLBACK_SECONDS = 6.0
"""How long a device may take to start. A PulseAudio sink that idled was seen to take 1.8 s."""

SILENT_DEVICE_SECONDS = 3.0
"""After this long without a callback a running device counts as gone."""

_INPUT_RING_SECONDS = 0.5
_OUTPUT_RING_SECONDS = 4.0
_LOOK_SECONDS = 0.1  # how often a waiting thread looks whether its device is still there


@dataclass(frozen=True)
class StreamPlan:
    """One way to open a device: its number and name, what to run it at, and in what blocks.

    `rate` in Hz, `block` in samples, `latency` in seconds as PortAudio's suggestedLatency; `extra`
    is sounddevice's settings object for the host API, or None.
    """

    device: int
    name: str
    rate: int
    channels: int
    block: int
    latency: float
    extra: Any = None


class _Pulse:
    """Knows whether a stream still lives: when its last callback came, and whether it finished."""

    def __init__(self, name: str, kind: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._kind = kind
        self._clock = clock
        self._last = clock()
        self._started = False
        self._finished = False
        self.closed = False

    def beat(self) -> None:
        self._last = self._clock()
        self._started = True

    def finish(self) -> None:
        self._finished = True

    def check(self) -> None:
        """Raise DeviceLost if the device went away. A closed stream is not a lost one."""
        if self.closed:
            return
        patience = SILENT_DEVICE_SECONDS if self._started else FIRST_CALLBACK_SECONDS
        if self._finished or self._clock() - self._last > patience:
            raise DeviceLost(self._name, self._kind)


class _DeviceDelay:
    """The device's own delay from the callbacks' time stamps, smoothed; else what it was opened at.

    Some host APIs leave the time stamps at zero or on another clock; such values are not believed.
    """

    _SMOOTHING = 0.05
    _BELIEVABLE = 1.0  # seconds

    def __init__(self) -> None:
        self._stated = 0.0
        self._measured: float | None = None

    def state(self, seconds: float) -> None:
        self._stated = seconds

    def see(self, seconds: float) -> None:
        if not 0.0 < seconds < self._BELIEVABLE:
            return
        old = self._measured
        self._measured = seconds if old is None else old + self._SMOOTHING * (seconds - old)

    @property
    def seconds(self) -> float:
        return self._stated if self._measured is None else self._measured


class PortAudioInput(Metered):
    """A microphone opened through PortAudio. One thread reads; any thread closes."""

    rate = SPEECH_RATE

    def __init__(self, plan: StreamPlan, close: Callable[[Any], None]) -> None:
        self.plan = plan
        self._overflows = 0
        self._close = close
        self.stream: Any = None
        self._ring = Ring(round(_INPUT_RING_SECONDS * plan.rate), overwrite=True)
        self._pulse = _Pulse(plan.name, "microphone")
        self._delay = _DeviceDelay()
        self._resampler = Resampler(plan.rate, self.rate)
        self._ready = np.zeros(0, np.float32)
        self._meter = LevelMeter(self.rate)

    def start(self, make_stream: Callable[..., Any]) -> None:
        """Open and start the stream. On PortAudio's thread; raises what sounddevice raises."""
        self.stream = _started(make_stream, self.plan, self._callback, self._pulse.finish)
        self._delay.state(float(self.stream.latency))

    @property
    def latency(self) -> float:
        waiting = self._ring.available / self.plan.rate + len(self._ready) / self.rate
        return self._delay.seconds + waiting + self._resampler.delay

    @property
    def zero_seconds(self) -> float:
        return self._meter.zero_seconds

    @property
    def dropped(self) -> int:
        # The system says that it lost sound, not how much: a block is the least it can lose.
        lost = self._ring.dropped + self._overflows * self.plan.block
        return lost * self.rate // self.plan.rate

    def read(self, samples: int, timeout: float) -> np.ndarray | None:
        deadline = time.monotonic() + timeout
        while len(self._ready) < samples:
            raw = self._take(samples - len(self._ready), deadline)
            if raw is None:
                return None
            self._ready = np.concatenate([self._ready, self._resampler.push(raw)])
        pcm, self._ready = self._ready[:samples], self._ready[samples:]
        self._meter.update(pcm)
        return pcm

    def close(self) -> None:
        if self._pulse.closed:
            return
        self._pulse.closed = True
        self._close(self.stream)

    def _take(self, samples: int, deadline: float) -> np.ndarray | None:
        """Enough from the ring, at the device's rate, to make `samples` at ours."""
        wanted = min(-(-samples * self.plan.rate // self.rate), self._ring.capacity // 2)
        while not self._pulse.closed:
            self._pulse.check()
            left = deadline - time.monotonic()
            if self._ring.wait_available(wanted, max(0.0, min(left, _LOOK_SECONDS))):
                return self._ring.read(wanted)
            if left <= 0:
                return None
        return None

    def _callback(self, indata: np.ndarray, frames: int, stamps: Any, status: Any) -> None:
        self._pulse.beat()
        if status.input_overflow:
            self._overflows += 1
        # The stamp is the first sample's; the newest is a block younger.
        self._delay.see(stamps.currentTime - stamps.inputBufferAdcTime - frames / self.plan.rate)
        self._ring.write(indata[:, 0] if indata.shape[1] == 1 else indata.mean(axis=1))


class PortAudioOutput(Metered):
    """A loudspeaker opened through PortAudio. One thread writes; any thread closes."""

    def __init__(self, plan: StreamPlan, rate: int, close: Callable[[Any], None]) -> None:
        self.plan = plan
        self.rate = rate
        self.underruns = 0
        self._playing = False
        self._close = close
        self.stream: Any = None
        self._ring = Ring(round(_OUTPUT_RING_SECONDS * plan.rate))
        self._block = np.zeros(4 * plan.block, np.float32)
        self._pulse = _Pulse(plan.name, "loudspeaker")
        self._delay = _DeviceDelay()
        self._resampler = Resampler(rate, plan.rate)
        self._meter = LevelMeter(rate)

    def start(self, make_stream: Callable[..., Any]) -> None:
        """Open and start the stream. On PortAudio's thread; raises what sounddevice raises."""
        self.stream = _started(make_stream, self.plan, self._callback, self._pulse.finish)
        self._delay.state(float(self.stream.latency))

    @property
    def queued(self) -> float:
        return self._ring.available / self.plan.rate

    @property
    def latency(self) -> float:
        return self._delay.seconds + self._resampler.delay

    def write(self, pcm: np.ndarray) -> None:
        self._meter.update(pcm)
        rest = self._resampler.push(pcm)
        while not self._pulse.closed:
            self._pulse.check()
            rest = rest[self._ring.write(rest) :]
            if not len(rest):
                return
            self._ring.wait_at_most(self._ring.capacity // 2, _LOOK_SECONDS)

    def wait_below(self, seconds: float, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        limit = int(seconds * self.plan.rate)
        while not self._pulse.closed:
            self._pulse.check()
            left = deadline - time.monotonic()
            if self._ring.wait_at_most(limit, max(0.0, min(left, _LOOK_SECONDS))):
                return True
            if left <= 0:
                return False
        return False

    def close(self) -> None:
        if self._pulse.closed:
            return
        self._pulse.closed = True
        self._close(self.stream)

    def _callback(self, outdata: np.ndarray, frames: int, stamps: Any, status: Any) -> None:
        self._pulse.beat()
        self._delay.see(stamps.outputBufferDacTime - stamps.currentTime)
        if len(self._block) < frames:  # the host API took blocks of its own choosing
            self._block = np.zeros(frames, np.float32)
        block = self._block[:frames]
        count = self._ring.read_into(block)
        block[count:] = 0.0
        outdata[:] = block[:, None]
        if (count < frames and self._playing) or status.output_underflow:
            self.underruns += 1
        self._playing = count == frames


def _started(
    make_stream: Callable[..., Any],
    plan: StreamPlan,
    callback: Callable[..., None],
    finished: Callable[[], None],
) -> Any:
    """A running stream for the plan; on failure nothing is left open."""
    stream = make_stream(
        samplerate=plan.rate,
        blocksize=plan.block,
        device=plan.device,
        channels=plan.channels,
        dtype="float32",
        latency=plan.latency,
        extra_settings=plan.extra,
        callback=callback,
        finished_callback=finished,
    )
    try:
        stream.start()
    except BaseException:
        stream.close(ignore_errors=True)
        raise
    return stream
