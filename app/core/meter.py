"""What a call costs, how late it is and how busy its machine: three meters on an injected clock.

The bandwidth meter keeps three figures apart, because they differ by a factor of forty: the codes
of the speech, the payload that carries them, and the bytes of the wire with every header.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields

Clock = Callable[[], float]
"""Seconds from any fixed start, never going back (`time.monotonic`)."""

_SHORTEST_SPAN = 1.0
"""Rates of the first second are over a whole one, lest one packet look like a torrent."""


@dataclass(frozen=True)
class MeterReading:
    """A look at the bandwidth meter.

    Rates are kbit/s over the meter's window. Totals are bytes since its start, `seconds` ago.
    `loss` is the share of chunks due in the window that had to be concealed, 0 to 1.
    """

    codes_up: float
    codes_down: float
    payload_up: float
    payload_down: float
    wire_up: float
    wire_down: float
    codes_up_total: int
    codes_down_total: int
    payload_up_total: int
    payload_down_total: int
    wire_up_total: int
    wire_down_total: int
    seconds: float
    loss: float


class _Flow:
    """Amounts over a sliding window, and their total."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._recent: deque[tuple[float, float]] = deque()
        self._recent_sum = 0.0
        self.total = 0.0

    def add(self, now: float, amount: float) -> None:
        self._recent.append((now, amount))
        self._recent_sum += amount
        self.total += amount
        self._forget(now)

    def recent(self, now: float) -> float:
        self._forget(now)
        return self._recent_sum if self._recent else 0.0

    def _forget(self, now: float) -> None:
        while self._recent and self._recent[0][0] <= now - self._window:
            self._recent_sum -= self._recent.popleft()[1]


class Meter:
    """Counts what a call sends and receives. Any thread may call any method.

    `codes` are given in bits, since a chunk of them is not a whole number of bytes; `payload`
    (messages handed to the transport) and `wire` (datagrams with UDP and IP headers) in bytes.
    All that is counted here is counted in `total` too, the meter of several.
    """

    def __init__(self, clock: Clock, window: float = 3.0, total: Meter | None = None) -> None:
        self._clock, self._total = clock, total
        self._window = window
        self._start = clock()
        self._lock = threading.Lock()
        self._codes_up, self._codes_down = _Flow(window), _Flow(window)
        self._payload_up, self._payload_down = _Flow(window), _Flow(window)
        self._wire_up, self._wire_down = _Flow(window), _Flow(window)
        self._played, self._lost = _Flow(window), _Flow(window)

    def sent_codes(self, bits: int) -> None:
        """Count the codes of new chunks sent (copies sent for safety are payload, not codes)."""
        self._add("_codes_up", bits)

    def received_codes(self, bits: int) -> None:
        """Count the codes of new chunks received."""
        self._add("_codes_down", bits)

    def sent_payload(self, size: int) -> None:
        """Count a message of `size` bytes handed to the transport."""
        self._add("_payload_up", size * 8)

    def received_payload(self, size: int) -> None:
        """Count a message of `size` bytes received."""
        self._add("_payload_down", size * 8)

    def sent_wire(self, size: int) -> None:
        """Count a datagram sent, `size` bytes with its headers."""
        self._add("_wire_up", size * 8)

    def received_wire(self, size: int) -> None:
        """Count a datagram received, `size` bytes with its headers."""
        self._add("_wire_down", size * 8)

    def played(self, chunks: int = 1) -> None:
        """Count chunks that were there when they were due."""
        self._add("_played", chunks)

    def lost(self, chunks: int = 1) -> None:
        """Count chunks that had to be concealed."""
        self._add("_lost", chunks)

    def read(self) -> MeterReading:
        """The figures of now."""
        with self._lock:
            now = self._clock()
            seconds = now - self._start
            span = min(self._window, max(seconds, _SHORTEST_SPAN))

            def rate(flow: _Flow) -> float:
                return flow.recent(now) / span / 1000

            def total(flow: _Flow) -> int:
                return int(flow.total) // 8

            lost, played = self._lost.recent(now), self._played.recent(now)
            return MeterReading(
                codes_up=rate(self._codes_up),
                codes_down=rate(self._codes_down),
                payload_up=rate(self._payload_up),
                payload_down=rate(self._payload_down),
                wire_up=rate(self._wire_up),
                wire_down=rate(self._wire_down),
                codes_up_total=total(self._codes_up),
                codes_down_total=total(self._codes_down),
                payload_up_total=total(self._payload_up),
                payload_down_total=total(self._payload_down),
                wire_up_total=total(self._wire_up),
                wire_down_total=total(self._wire_down),
                seconds=seconds,
                loss=lost / (lost + played) if lost else 0.0,
            )

    def _add(self, flow: str, amount: float) -> None:
        with self._lock:
            getattr(self, flow).add(self._clock(), amount)
        if self._total is not None:
            self._total._add(flow, amount)


class Recent:
    """A value as it was of late: each new one counts a tenth. None before the first."""

    def __init__(self, weight: float = 0.1) -> None:
        self._weight = weight
        self.value: float | None = None

    def add(self, value: float) -> None:
        """Take a new value."""
        if self.value is None:
            self.value = value
        else:
            self.value += self._weight * (value - self.value)


class LoadMeter:
    """How much of its time a thread works, over a sliding window. Any thread may call it."""

    def __init__(self, clock: Clock, window: float = 3.0) -> None:
        self._clock = clock
        self._window = window
        self._start = clock()
        self._lock = threading.Lock()
        self._busy = _Flow(window)

    def add(self, busy: float) -> None:
        """Count `busy` seconds of work that just ended."""
        with self._lock:
            self._busy.add(self._clock(), busy)

    def read(self) -> float:
        """Busy seconds per second of the wall clock; above 1 the thread cannot keep up."""
        with self._lock:
            now = self._clock()
            span = min(self._window, max(now - self._start, _SHORTEST_SPAN))
            return self._busy.recent(now) / span


@dataclass(frozen=True)
class EndLatency:
    """One end's own shares of the latency, in ms; None where it does not know yet."""

    capture: float | None = None
    encode: float | None = None
    jitter: float | None = None
    decode: float | None = None
    playout: float | None = None

    def parts(self) -> tuple[float | None, ...]:
        """The five shares, in the order they go into a `Pong`."""
        return self.capture, self.encode, self.jitter, self.decode, self.playout


@dataclass(frozen=True)
class LatencyParts:
    """Where the time goes from one mouth to the other ear, in ms; None where it is not known."""

    capture: float | None = None
    chunk: float | None = 80.0
    encode: float | None = None
    network: float | None = None
    jitter: float | None = None
    decode: float | None = None
    playout: float | None = None

    @property
    def mouth_to_ear(self) -> float:
        """The sum of the parts that are known, in ms."""
        return sum(getattr(self, field.name) or 0.0 for field in fields(self))

    @property
    def is_whole(self) -> bool:
        """Whether every part is known."""
        return all(getattr(self, field.name) is not None for field in fields(self))

    @classmethod
    def between(
        cls, speaker: EndLatency, listener: EndLatency, round_trip_ms: float
    ) -> LatencyParts:
        """The way from `speaker` to `listener`, half the round trip apart."""
        return cls(
            capture=speaker.capture,
            encode=speaker.encode,
            network=round_trip_ms / 2,
            jitter=listener.jitter,
            decode=listener.decode,
            playout=listener.playout,
        )
