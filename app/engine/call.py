"""One call's sound: one microphone, one encoder and one loudspeaker for all who are in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np

from app.audio.backend import AudioBackend
from app.core.meter import Clock, EndLatency, Meter
from app.core.models import ModelOffer
from app.core.overload import STRAINED, Step, Strain
from app.core.packing import Rate
from app.core.profile import Profile, profile_named
from app.core.settings import Settings
from app.core.state import CallReading, PeerReading
from app.engine.cores import Cores
from app.engine.listening import Listening
from app.engine.part import Part
from app.engine.sending import Sending
from app.engine.sound import Loudspeaker, Microphone, Say
from app.engine.speaking import Speaking
from app.engine.steering import Steering
from codec.model.codec import Codec
from codec.rates import rates_of
from codec.spec import CHUNK_SECONDS
from codec.stream import StreamEncoder


class Call:
    """Speaks and listens from `start` to `stop`; the network side only brings and takes bytes.

    Making one opens the devices of `settings`, which may take seconds.
    """

    def __init__(
        self,
        codec: Codec,
        backend: AudioBackend,
        settings: Settings,
        *,
        is_muted: Callable[[], bool],
        clock: Clock,
        say: Say,
        on_input_end: Callable[[], None],
    ) -> None:
        self._codec, self._spec, self._rates, self._clock = codec, codec.spec, _rates(codec), clock
        self._cores, self._step = Cores(codec.threads), Step.NONE
        self._profile = profile_named(settings.profile)
        self._lock = threading.Lock()
        self._parts: tuple[Part, ...] = ()
        encoder = StreamEncoder(codec)
        encoder.warm_up()
        self.microphone = Microphone(backend, settings.input_device, say)
        try:
            rate = codec.spec.output_rate
            self.loudspeaker = Loudspeaker(backend, settings.output_device, rate, say)
        except BaseException:
            self.microphone.close()
            raise
        self.speaking = Speaking(
            encoder,
            self.microphone,
            continuous=settings.continuous,
            is_muted=is_muted,
            clock=clock,
            say=say,
            on_end=on_input_end,
            cores=self._cores,
        )
        self.listening = Listening(codec, self.loudspeaker, clock=clock, say=say, cores=self._cores)

    def start(self) -> None:
        """Begin to speak and listen."""
        self.listening.start()
        self.speaking.start()

    def stop(self) -> None:
        """Stop both threads and let go of the devices; waits a few seconds at most."""
        self.speaking.stop()
        self.listening.stop()
        self.microphone.close()
        self.loudspeaker.close()

    def add(
        self,
        *,
        send_voice: Callable[[bytes], object],
        backlog: Callable[[], int],
        meter: Meter,
    ) -> Part:
        """Speak to one peer more and hear it. Takes as long as a few chunks take to decode."""
        steering = Steering(self._clock, self._profile, backlog)
        sending = Sending(self._rates, steering, send=send_voice, meter=meter)
        part = Part(sending, self.listening.add(meter), steering, meter)
        with self._lock:
            self._parts = (*self._parts, part)
        steering.choose(self._profile)  # It may have been chosen otherwise meanwhile.
        steering.spare(self._step >= Step.LARGER_PIECES)
        self.speaking.add(sending)
        return part

    def remove(self, part: Part) -> None:
        """Neither speak to a peer nor hear it any more."""
        self.speaking.remove(part.sending)
        self.listening.remove(part.hearing)
        with self._lock:
            self._parts = tuple(each for each in self._parts if each is not part)

    def choose_profile(self, profile: Profile | None) -> None:
        """Fill packets to all by this profile; None lets each line decide for itself."""
        self._profile = profile
        for part in self._parts:
            part.steering.choose(profile)

    # Another model

    @property
    def codec(self) -> Codec:
        """The model that is spoken."""
        return self._codec

    def known(self, offer: ModelOffer) -> Codec | None:
        """The model of this offer, if it is understood already. Any thread may call."""
        return self.listening.known(offer)

    def learn(self, codec: Codec) -> bool:
        """Understand this model as well from now on; False where it cannot be told from another.

        Takes as long as a few chunks take to decode, for each peer. Any thread may call.
        """
        if not self.listening.tells_apart(codec):
            return False
        self.listening.learn(codec)
        return True

    def speak(self, codec: Codec) -> None:
        """Speak this model from the next chunk on. Any thread may call."""
        encoder = StreamEncoder(codec)
        encoder.warm_up()
        self._codec, self._spec, self._rates = codec, codec.spec, _rates(codec)
        self._cores.threads = codec.threads
        self.speaking.use(encoder, self._rates)

    # A machine that is too busy

    def strain(self) -> Strain:
        """How this machine keeps up."""
        encode = self.speaking.encode_seconds.value or 0.0
        return Strain(
            _share(self.speaking.load, encode),
            _share(self.listening.load, self.listening.decode_seconds),
            self.speaking.capture_seconds.value or 0.0,
            self.loudspeaker.underruns,
        )

    def give_way(self, step: Step) -> None:
        """Do what this step says, and nothing of those after it; another model is not for here."""
        self._step = step
        self.listening.spares = step >= Step.LARGER_PIECES
        for part in self._parts:
            part.steering.spare(step >= Step.LARGER_PIECES)
        fewer = step >= Step.FEWER_THREADS
        self._cores.threads = max(1, self._codec.threads // 2) if fewer else self._codec.threads

    @property
    def threads(self) -> int:
        """How many threads the model has now, for each direction."""
        return self._cores.threads

    def own_latency(self, part: Part) -> EndLatency:
        """This end's shares of the delay to and from a peer, in ms.

        The codec's own lag counts as decoding.
        """
        lag = self._spec.delay_samples / self._spec.output_rate
        hearing = part.hearing
        decode, ahead = hearing.decode_seconds.value, hearing.ahead_seconds.value
        return EndLatency(
            capture=_ms(self.speaking.capture_seconds.value),
            encode=_ms(self.speaking.encode_seconds.value),
            jitter=_ms(hearing.buffered_seconds.value),
            decode=_ms(None if decode is None else decode + lag),
            playout=_ms(None if ahead is None else ahead + self.loudspeaker.latency),
        )

    def reading(
        self, meter: Meter, peers: Sequence[PeerReading], left: Sequence[PeerReading]
    ) -> CallReading:
        """A look at every meter: of those who are in the call, and as it was of those who left."""
        slowest = max(peers or left[-1:], key=lambda peer: peer.mouth_to_ear, default=None)
        everybody = (*peers, *left)
        return CallReading(
            bandwidth=meter.read(),
            outgoing=slowest.outgoing if slowest else None,
            incoming=slowest.incoming if slowest else None,
            round_trip_ms=slowest.round_trip_ms if slowest else None,
            encoder_load=self.speaking.load,
            decoder_load=self.listening.load,
            input_level=self.microphone.level,
            output_level=self.loudspeaker.level,
            chunks_played=sum(peer.chunks_played for peer in everybody),
            chunks_concealed=sum(peer.chunks_concealed for peer in everybody),
            chunks_late=sum(peer.chunks_late for peer in everybody),
            underruns=self.loudspeaker.underruns,
            input_dropped=self.microphone.dropped,
            packets_dropped=sum(peer.packets_dropped for peer in everybody),
            wire_measured=all(peer.wire_measured for peer in everybody),
            profile=slowest.profile if slowest else "",
            peers=tuple(peers),
        )

    def cue(self, pcm: np.ndarray) -> None:
        """Play a short sound of the app's own on top: float32 of shape (n,) at 16 kHz."""
        self.listening.cue(pcm)


def _share(load: float, chunk: float) -> float:
    """Of a thread's time. One that never rests shows no more than all of it: by how much that is
    too little, a chunk's time tells."""
    return load if load <= STRAINED else max(load, chunk / CHUNK_SECONDS)


def _rates(codec: Codec) -> list[Rate]:
    full = codec.spec.bits_per_code
    specs = [view.spec for view in rates_of(codec)]
    return [Rate(s.model_id, s.bits_per_code, full - s.bits_per_code) for s in specs]


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
