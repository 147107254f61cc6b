"""One peer's packets → jitter buffer → speech, ready to be mixed with the others'."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from app.audio.comfort_noise import ComfortNoise
from app.audio.mixer import Pcm, Track
from app.audio.tempo import Seam, retimed
from app.core import packet
from app.core.arrivals import ArrivalMeter
from app.core.control import Report
from app.core.jitter import JitterBuffer
from app.core.meter import Clock, Meter, Recent
from app.core.packet import (
    NoiseHint,
    PacketError,
    SequenceUnwrapper,
    SilencePacket,
    VoicePacket,
)
from app.core.passes import Next
from app.core.playout import Cadence, Pace
from app.core.pulled import Chunk, Dry, JitterStats, Lost, Silence, Waiting
from app.core.state import Notice
from app.engine.decoding import Decoding, Due
from app.engine.sound import Say
from codec.model.codec import Codec
from codec.rates import rates_of

NOISE_SECONDS = 0.02
"""The background of a peer that is alone is made so much at a time."""


class Hearing:
    """What one peer says, chunk by chunk onto its `track`.

    `receive` is for the network's thread; `attend`, `join` and `play` are for the one that plays.
    `arrived` is called when a packet came.
    """

    def __init__(
        self,
        codec: Codec,
        track: Track,
        *,
        arrived: Callable[[], object],
        meter: Meter,
        clock: Clock,
        say: Say,
    ) -> None:
        self._rate = codec.spec.output_rate
        self._lock = threading.Lock()
        self._bits: dict[int, int] = {}
        self._decoders: dict[int, Decoding] = {}
        self.learn(codec)
        self.decoding = self._decoders[codec.spec.model_id]
        self.due: Due | None = None
        """The chunk to be decoded now, if there is one; `play` ends that."""
        self.track = track
        self._announce = arrived
        self._meter, self._say, self._clock = meter, say, clock
        self._jitter = JitterBuffer(clock)
        self._cadence, self._pace = Cadence(self._jitter), Pace()
        self._arrivals = ArrivalMeter(clock)
        self._hint: NoiseHint | None = None
        self._noise = ComfortNoise(self._rate)
        self._seam = Seam(self._rate)
        self._was_speech, self._is_new_voice = True, False
        self._unwrap = SequenceUnwrapper()
        self.decode_seconds = Recent()
        """How long it takes until a chunk is decoded, of late."""
        self.share_seconds = Recent()
        """How much of that is for this peer, where chunks of several are decoded in one pass."""
        self.buffered_seconds = Recent()
        """How long a chunk lies in the jitter buffer, of late."""
        self.ahead_seconds = Recent()
        """How much sound is before a chunk when it has been decoded, of late."""
        self._lost_counted = 0
        self._refused: set[type[PacketError]] = set()

    def learn(self, codec: Codec) -> None:
        """Understand packets of this model as well, as soon as this returns. Any thread may call;
        it takes as long as a few chunks take to decode."""
        decoding = Decoding(codec, self._rate)
        specs = [view.spec for view in rates_of(codec)]
        with self._lock:  # One who joins learns on another thread than who is there.
            self._decoders = {**self._decoders, **{spec.model_id: decoding for spec in specs}}
            self._bits = {**self._bits, **{spec.model_id: spec.bits_per_code for spec in specs}}

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
        self._announce()

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

    @property
    def chunks(self) -> int | None:
        """New chunks in each of the peer's packets, of late; None before the first."""
        return self._cadence.chunks

    def due_report(self) -> Report | None:
        """What to tell the sender of how its packets come; None when there is no news."""
        with self._lock:
            arrival = self._arrivals.due()
        if arrival is None:
            return None
        return Report(arrival.loss, arrival.burst, arrival.queue)

    def stats(self) -> JitterStats:
        """The jitter buffer's counts."""
        with self._lock:
            return self._jitter.stats()

    def _refuse(self, error: PacketError) -> None:
        if type(error) not in self._refused:  # Once a kind: a flood of bad packets is one notice.
            self._refused.add(type(error))
            self._say(Notice("warning", f"A packet was not understood and passed over. {error}"))

    # On the thread that plays

    def attend(
        self, mixed: float, lead: float, room: float = NOISE_SECONDS, least: float = 0.0
    ) -> float | None:
        """See to the track if less than `lead` seconds of sound are on it: the next chunk is `due`.

        `mixed` seconds are mixed, and when `least` are left the others are played without this
        peer. Of a silent peer's background `room` seconds are played. None when there is nothing to
        wait for: a chunk is due, or the track has sound. Else the seconds after which to look
        again: so long the chunk that should be here is worth waiting for, or speech was to begin.
        """
        ahead = mixed + self.track.seconds
        if ahead >= lead:
            return None
        with self._lock:
            pulled = self._jitter.pull(ahead - least - (self.share_seconds.value or 0.0))
            hint = self._hint
        if hint is not None and hint != self._noise.hint:
            self._noise.become(hint)
        match pulled:
            case Chunk():
                self._take_up(pulled, ahead)
            case Lost():
                self.due = Due(None, self.decoding.model, ahead)
            case Silence() | Dry() if hint is not None:
                # Even of no sound at all: a file that is written has to keep the time.
                self._hum(room)
            case Waiting() if self._noise.is_audible and ahead <= NOISE_SECONDS:
                # A gap while speech is drawn out to a longer delay is not to be dead silence.
                self._hum(NOISE_SECONDS)
            case Waiting(seconds=seconds) | Silence(seconds=seconds):
                return seconds
        return None

    def next(self, mixed: float) -> Next:
        """What would be decoded next, and how much sound is before it."""
        with self._lock:
            model_id = self._jitter.next_model
        model = None if model_id is None else self._decoders[model_id].model_at(model_id)
        return Next(mixed + self.track.seconds, model)

    def join(self, mixed: float, lead: float) -> None:
        """Have the next chunk `due` sooner than it would be, to be decoded with others'."""
        ahead = mixed + self.track.seconds
        with self._lock:
            pulled = self._jitter.pull(ahead)
        if isinstance(pulled, Chunk):
            # Against the target counts when it would have been taken, which this is not to change.
            self._take_up(pulled, ahead, early=max(ahead - lead, 0.0))

    def _take_up(self, chunk: Chunk, ahead: float, early: float = 0.0) -> None:
        self.buffered_seconds.add(chunk.waited)
        self._count_played()
        decoding = self._decoders[chunk.model_id]
        if decoding is not self.decoding:
            self.decoding, self._is_new_voice = decoding, True
        decoding.use(chunk.model_id)
        change = self._pace.change_of(chunk.excess + early)
        self.due = Due(np.array(chunk.codes), decoding.model, ahead, change)

    def _count_played(self) -> None:
        """Losses count once speech goes on: before that, the other end may just have gone quiet."""
        lost = self.stats().lost
        self._meter.played()
        if lost > self._lost_counted:
            self._meter.lost(lost - self._lost_counted)
        self._lost_counted = lost

    def shaped(self, pcm: Pcm) -> Pcm:
        """What was decoded of the chunk that is due, over the background and at its tempo."""
        assert self.due is not None
        if self.due.codes is None and self._noise.is_audible:
            pcm = pcm + self._noise.step(len(pcm))  # What is lost fades into the room, not to zero.
        return retimed(pcm, self._rate, self.due.change) if self.due.change else pcm

    def play(self, pcm: Pcm, took: float, share: float) -> None:
        """Put the chunk that was due on the track: decoding `took` so long, the `share` its own."""
        assert self.due is not None
        self.decode_seconds.add(took)
        self.share_seconds.add(share)
        self.ahead_seconds.add(max(self.due.ahead - took, 0.0))
        self.due = None
        self._write(pcm, is_speech=True)

    def _hum(self, seconds: float) -> None:
        """Play a little of the background."""
        samples = round(seconds * self._rate)
        self._write(self._noise.step(samples), is_speech=False)

    def _write(self, pcm: Pcm, *, is_speech: bool) -> None:
        if is_speech == self._was_speech and not self._is_new_voice:
            self._seam.follow(pcm)
        else:
            pcm = self._seam.join(pcm)
        self._was_speech, self._is_new_voice = is_speech, False
        self.track.write(pcm)
