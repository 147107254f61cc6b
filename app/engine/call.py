"""One call's sound, threads and meters, from connected to hung up."""

from __future__ import annotations

from collections.abc import Callable

from app.audio.backend import AudioBackend
from app.core.control import Report
from app.core.meter import Clock, EndLatency, LatencyParts, Meter
from app.core.packing import Rate
from app.core.profile import profile_named
from app.core.settings import Settings
from app.core.state import CallReading
from app.engine.listening import Listening
from app.engine.sound import Loudspeaker, Microphone, Say
from app.engine.speaking import Speaking
from app.engine.steering import Steering
from app.net.state import PeerStats
from codec.model.codec import Codec
from codec.rates import rates_of
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
        send_voice: Callable[[bytes], object],
        is_muted: Callable[[], bool],
        meter: Meter,
        clock: Clock,
        say: Say,
        on_input_end: Callable[[], None],
        backlog: Callable[[], int] = lambda: 0,
    ) -> None:
        self.meter, self._spec = meter, codec.spec
        self._round_trip: float | None = None
        self._theirs = EndLatency()
        self.steering = Steering(clock, profile_named(settings.profile), backlog)
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
            _rates(codec),
            self.microphone,
            send=send_voice,
            plan=self.steering.plan,
            continuous=settings.continuous,
            is_muted=is_muted,
            meter=meter,
            clock=clock,
            say=say,
            on_end=on_input_end,
        )
        self.listening = Listening(codec, self.loudspeaker, meter=meter, clock=clock, say=say)

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

    def pong(self, round_trip: float, theirs: EndLatency) -> None:
        """Take what a pong told: seconds there and back, the peer's own shares of the delay."""
        self._round_trip, self._theirs = round_trip, theirs
        self.steering.round_trip(round_trip)

    def report(self, report: Report) -> None:
        """Take what the peer says of how this end's packets reach it."""
        self.steering.report(report)

    def own_latency(self) -> EndLatency:
        """This end's shares of the delay, in ms. The codec's own lag counts as decoding."""
        lag = self._spec.delay_samples / self._spec.output_rate
        decode = self.listening.decode_seconds.value
        return EndLatency(
            capture=_ms(self.speaking.capture_seconds.value),
            encode=_ms(self.speaking.encode_seconds.value),
            jitter=_ms(self.listening.buffered_seconds.value),
            decode=_ms(None if decode is None else decode + lag),
            playout=_ms(self.listening.playout_seconds),
        )

    def reading(self, network: PeerStats) -> CallReading:
        """A look at every meter."""
        stats = self.listening.stats()
        outgoing = incoming = None
        if self._round_trip is not None:
            own, trip = self.own_latency(), self._round_trip * 1000
            outgoing = LatencyParts.between(own, self._theirs, trip)
            incoming = LatencyParts.between(self._theirs, own, trip)
        return CallReading(
            bandwidth=self.meter.read(),
            outgoing=outgoing,
            incoming=incoming,
            round_trip_ms=_ms(self._round_trip),
            encoder_load=self.speaking.load,
            decoder_load=self.listening.load,
            input_level=self.microphone.level,
            output_level=self.loudspeaker.level,
            chunks_played=stats.played,
            chunks_concealed=stats.lost,
            chunks_late=stats.late,
            underruns=self.loudspeaker.underruns,
            input_dropped=self.microphone.dropped,
            packets_dropped=network.voice_dropped,
            wire_measured=network.wire.exact,
            profile=profile.value if (profile := self.steering.profile) else "",
        )


def _rates(codec: Codec) -> list[Rate]:
    full = codec.spec.bits_per_code
    specs = [view.spec for view in rates_of(codec)]
    return [Rate(s.model_id, s.bits_per_code, full - s.bits_per_code) for s in specs]


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
