"""One call's sound, threads and meters, from connected to hung up."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.core.meter import EndLatency, LatencyParts, Meter
from app.core.state import CallReading, Notice
from app.engine.listening import Listening
from app.engine.sound import Loudspeaker, Microphone
from app.engine.speaking import Speaking
from codec.model.codec import Codec
from codec.stream import StreamDecoder, StreamEncoder


class Call:
    """Speaks and listens from `start` to `stop`; the network side only brings and takes bytes."""

    def __init__(
        self,
        codec: Codec,
        microphone: Microphone,
        loudspeaker: Loudspeaker,
        *,
        send_voice: Callable[[bytes], None],
        meter: Meter,
        say: Callable[[Notice], None],
        on_input_end: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.meter = meter
        self._spec = codec.spec
        self._microphone, self._loudspeaker = microphone, loudspeaker
        self._round_trip: float | None = None
        self._theirs = EndLatency()
        encoder, decoder = StreamEncoder(codec), StreamDecoder(codec)
        encoder.warm_up()
        decoder.warm_up()
        self.speaking = Speaking(
            encoder, codec.spec, microphone, send_voice, meter, clock, say, on_input_end
        )
        self.listening = Listening(decoder, codec.spec, loudspeaker, meter, clock, say)

    def start(self) -> None:
        """Begin to speak and listen."""
        self.listening.start()
        self.speaking.start()

    def stop(self) -> None:
        """Stop both threads; waits a few seconds at most."""
        self.speaking.stop()
        self.listening.stop()

    def pong(self, round_trip: float, theirs: EndLatency) -> None:
        """Take what a pong told: seconds there and back, the peer's own shares of the delay."""
        self._round_trip, self._theirs = round_trip, theirs

    def own_latency(self) -> EndLatency:
        """This end's shares of the delay, in ms."""
        delay = self._spec.delay_samples / self._spec.output_rate
        return EndLatency(
            capture=self.speaking.capture_seconds * 1000,
            encode=self.speaking.encode_seconds * 1000,
            jitter=self.listening.buffered_seconds * 1000,
            decode=(self.listening.decode_seconds + delay) * 1000,
            playout=self.listening.playout_seconds * 1000,
        )

    def reading(self, wire_measured: bool) -> CallReading:
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
            round_trip_ms=None if self._round_trip is None else self._round_trip * 1000,
            encoder_load=self.speaking.load,
            decoder_load=self.listening.load,
            input_level=self._microphone.level,
            output_level=self._loudspeaker.level,
            chunks_played=stats.played,
            chunks_concealed=stats.lost,
            chunks_late=stats.late,
            underruns=self._loudspeaker.underruns,
            input_dropped=self._microphone.dropped,
            wire_measured=wire_measured,
        )
