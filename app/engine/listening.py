"""Packets → jitter buffer → speech → loudspeaker, on a thread of its own."""

from __future__ import annotations

import logging
import threading

import numpy as np

from app.core import packet
from app.core.jitter import Chunk, JitterBuffer, JitterStats, Lost
from app.core.meter import Clock, LoadMeter, Meter, Recent
from app.core.packet import PacketError, SequenceUnwrapper
from app.core.state import Notice
from app.engine.sound import Loudspeaker, Say
from codec.spec import CodecSpec
from codec.stream import StreamDecoder

log = logging.getLogger(__name__)

LEAD_SECONDS = 0.03
"""The next chunk is decoded when the loudspeaker holds less than this: time for a slow decode."""

_IDLE_WAIT = 0.1
_SHORTEST_WAIT = 0.002


class Listening:
    """Plays what the peer says until stopped."""

    def __init__(
        self,
        decoder: StreamDecoder,
        spec: CodecSpec,
        loudspeaker: Loudspeaker,
        *,
        meter: Meter,
        clock: Clock,
        say: Say,
    ) -> None:
        self._decoder, self._spec, self._loudspeaker = decoder, spec, loudspeaker
        self._meter, self._say, self._clock = meter, say, clock
        self._bits = {spec.model_id: spec.bits_per_code}
        self._jitter = JitterBuffer(clock)
        self._unwrap = SequenceUnwrapper()
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._stop = threading.Event()
        self._load = LoadMeter(clock)
        self.decode_seconds = Recent()
        """How long a chunk takes to decode, of late."""
        self.buffered_seconds = Recent()
        """How long a chunk lies in the jitter buffer, of late."""
        self._lead = Recent()
        self._lost_counted = 0
        self._refused: set[type[PacketError]] = set()
        self._thread = threading.Thread(target=self._run, name="listening", daemon=True)

    def start(self) -> None:
        """Begin to play."""
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Stop, waiting at most `timeout` seconds."""
        self._stop.set()
        self._arrived.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def receive(self, data: bytes) -> None:
        """Take a packet from the network: any bytes at all."""
        try:
            voice = packet.decode(data, self._bits)
        except PacketError as error:
            self._refuse(error)
            return
        with self._lock:
            first = self._unwrap.unwrap(voice.sequence)
            for sequence, codes, is_new in packet.numbered(voice, first):
                self._jitter.push(sequence, codes, is_new)
        self._meter.received_codes(len(voice.new) * self._spec.chunk_bits)
        self._arrived.set()

    @property
    def load(self) -> float:
        """Share of one core's time spent decoding."""
        return self._load.read()

    @property
    def playout_seconds(self) -> float | None:
        """From a decoded chunk to the ear: what is queued before it, and the device."""
        return None if self._lead.value is None else self._lead.value + self._loudspeaker.latency

    def stats(self) -> JitterStats:
        """The jitter buffer's counts."""
        with self._lock:
            return self._jitter.stats()

    def _refuse(self, error: PacketError) -> None:
        if type(error) not in self._refused:  # Once a kind: a flood of bad packets is one notice.
            self._refused.add(type(error))
            self._say(Notice("warning", f"A packet was not understood and passed over. {error}"))

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                if self._loudspeaker.wait_below(LEAD_SECONDS, _IDLE_WAIT):
                    self._play_next()
        except Exception as error:  # The thread's last words: a call must not fall silent unsaid.
            log.exception("The listening thread failed")
            self._say(Notice("error", f"The other end can no longer be heard: {error}"))

    def _play_next(self) -> None:
        slack = self._loudspeaker.queued - (self.decode_seconds.value or 0.0)
        self._arrived.clear()
        with self._lock:
            pulled = self._jitter.pull(slack)
        match pulled:
            case Chunk(codes=codes, waited=waited):
                self.buffered_seconds.add(waited)
                self._count_played()
                self._write(np.array(codes))
            case Lost():
                self._write(None)
            case nothing:
                wait = getattr(nothing, "seconds", _IDLE_WAIT)
                self._arrived.wait(min(max(wait, _SHORTEST_WAIT), _IDLE_WAIT))

    def _count_played(self) -> None:
        """Losses count once speech goes on: before that, the other end may just have gone quiet."""
        lost = self.stats().lost
        self._meter.played()
        if lost > self._lost_counted:
            self._meter.lost(lost - self._lost_counted)
        self._lost_counted = lost

    def _write(self, codes: np.ndarray | None) -> None:
        began = self._clock()
        pcm = self._decoder.step(codes)
        took = self._clock() - began
        self._load.add(took)
        self.decode_seconds.add(took)
        self._lead.add(self._loudspeaker.queued)
        self._loudspeaker.write(pcm)
