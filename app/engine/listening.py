"""Packets → jitter buffer → speech → loudspeaker, on a thread of its own."""

from __future__ import annotations

import logging
import threading

import numpy as np

from app.audio.comfort_noise import ComfortNoise
from app.audio.tempo import Seam, retimed
from app.core import packet
from app.core.arrivals import ArrivalMeter
from app.core.control import Report
from app.core.jitter import JitterBuffer
from app.core.meter import Clock, LoadMeter, Meter, Recent
from app.core.packet import (
    NoiseHint,
    PacketError,
    SequenceUnwrapper,
    SilencePacket,
    VoicePacket,
)
from app.core.playout import Cadence, Pace
from app.core.pulled import Chunk, Dry, JitterStats, Lost, Silence, Waiting
from app.core.state import Notice
from app.engine.sound import Loudspeaker, Say
from codec.model.codec import Codec
from codec.rates import RatesDecoder, rates_of

log = logging.getLogger(__name__)

LEAD_SECONDS = 0.03
"""The next chunk is decoded when the loudspeaker holds less than this: time for a slow decode."""

_DECODES = 2.0
_MOST_LEAD_SECONDS = 0.12

_NOISE_SECONDS = 0.02
_IDLE_WAIT = 0.1
_SHORTEST_WAIT = 0.002


class Listening:
    """Plays what the peer says until stopped."""

    def __init__(
        self,
        codec: Codec,
        loudspeaker: Loudspeaker,
        *,
        meter: Meter,
        clock: Clock,
        say: Say,
    ) -> None:
        self._decoder, self._spec, self._loudspeaker = RatesDecoder(codec), codec.spec, loudspeaker
        self._decoder.warm_up()
        self._meter, self._say, self._clock = meter, say, clock
        specs = [view.spec for view in rates_of(codec)]
        self._bits = {spec.model_id: spec.bits_per_code for spec in specs}
        self._jitter = JitterBuffer(clock)
        self._cadence, self._pace = Cadence(self._jitter), Pace()
        self._arrivals = ArrivalMeter(clock)
        self._hint: NoiseHint | None = None
        self._noise = ComfortNoise(codec.spec.output_rate)
        self._seam = Seam(codec.spec.output_rate)
        self._was_speech = True
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
            came = packet.decode(data, self._bits)
        except PacketError as error:
            self._refuse(error)
            return
        with self._lock:
            number = self._unwrap.unwrap(came.sequence)
            match came:
                case SilencePacket():
                    self._arrivals.silence(came, number)
                    self._jitter.hush(number, came.since)
                    self._hint = came.noise
                case VoicePacket():
                    self._take(came, number)
        self._arrived.set()

    def _take(self, voice: VoicePacket, first: int) -> None:
        """Sort a packet's chunks in; `first` is the number of the first new one."""
        news = self._arrivals.voice(voice, first)
        self._cadence.see(voice)
        if voice.onset:
            self._jitter.begins(first)
        last = first + len(voice.new) - 1
        for number, codes, is_new in packet.numbered(voice, first):
            # What comes with an onset waited for it; only the last chunk was not held back.
            timely = not voice.onset or number == last
            self._jitter.push(number, codes, is_new, voice.model_id, timely)
        self._meter.received_codes(news * packet.CODES_PER_CHUNK * self._bits[voice.model_id])

    def due_report(self) -> Report | None:
        """What to tell the sender of how its packets come; None when there is no news."""
        with self._lock:
            arrival = self._arrivals.due()
        if arrival is None:
            return None
        return Report(arrival.loss, arrival.burst, arrival.queue)

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
                if self._loudspeaker.wait_below(self._lead_wanted(), _IDLE_WAIT):
                    self._play_next()
        except Exception as error:  # The thread's last words: a call must not fall silent unsaid.
            log.exception("The listening thread failed")
            self._say(Notice("error", f"The other end can no longer be heard: {error}"))

    def _lead_wanted(self) -> float:
        """Seconds of sound to hold while decoding: more on a machine that decodes slowly."""
        decode = self.decode_seconds.value or 0.0
        return min(max(LEAD_SECONDS, _DECODES * decode), _MOST_LEAD_SECONDS)

    def _play_next(self) -> None:
        slack = self._loudspeaker.queued - (self.decode_seconds.value or 0.0)
        self._arrived.clear()
        with self._lock:
            pulled = self._jitter.pull(slack)
            hint = self._hint
        if hint is not None and hint != self._noise.hint:
            self._noise.become(hint)
        match pulled:
            case Chunk():
                self.buffered_seconds.add(pulled.waited)
                self._count_played()
                self._decoder.use(pulled.model_id)
                self._speak(np.array(pulled.codes), self._pace.change_of(pulled.excess))
            case Lost():
                self._speak(None)
            case Silence() | Dry() if hint is not None:
                # Even of no sound at all: a file that is written has to keep the time.
                self._hum()
            case Waiting(seconds=seconds) if self._noise.is_audible:
                # A gap while speech is drawn out to a longer delay is not to be dead silence.
                left = self._loudspeaker.queued - _NOISE_SECONDS
                if not self._arrived.wait(min(max(left, 0.0), seconds)) and left <= 0:
                    self._hum()
            case nothing:
                wait = getattr(nothing, "seconds", None) or _IDLE_WAIT
                self._arrived.wait(min(max(wait, _SHORTEST_WAIT), _IDLE_WAIT))

    def _count_played(self) -> None:
        """Losses count once speech goes on: before that, the other end may just have gone quiet."""
        lost = self.stats().lost
        self._meter.played()
        if lost > self._lost_counted:
            self._meter.lost(lost - self._lost_counted)
        self._lost_counted = lost

    def _speak(self, codes: np.ndarray | None, change: float = 0.0) -> None:
        """Play a chunk, `change` seconds longer than it is; None stands for a lost one."""
        began = self._clock()
        pcm = self._decoder.step(codes)
        if codes is None and self._noise.is_audible:
            pcm = pcm + self._noise.step(len(pcm))  # What is lost fades into the room, not to zero.
        if change:
            pcm = retimed(pcm, self._spec.output_rate, change)
        took = self._clock() - began
        self._load.add(took)
        self.decode_seconds.add(took)
        self._lead.add(self._loudspeaker.queued)
        self._write(pcm, is_speech=True)

    def _hum(self) -> None:
        """Play a little of the background."""
        samples = round(_NOISE_SECONDS * self._spec.output_rate)
        self._write(self._noise.step(samples), is_speech=False)

    def _write(self, pcm: np.ndarray, *, is_speech: bool) -> None:
        if is_speech == self._was_speech:
            self._seam.follow(pcm)
        else:
            pcm = self._seam.join(pcm)
        self._was_speech = is_speech
        self._loudspeaker.write(pcm)
