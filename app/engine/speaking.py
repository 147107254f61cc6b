"""Microphone → codes → packets, on a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from app.audio.backend import EndOfInput
from app.core import packet
from app.core.meter import Clock, LoadMeter, Meter, Recent
from app.core.packet import Codes, VoicePacket
from app.core.state import Notice
from app.engine.sound import Microphone, Say
from codec.spec import CHUNK_SAMPLES, CodecSpec
from codec.stream import StreamEncoder

log = logging.getLogger(__name__)

REDUNDANT_CHUNKS = 1
"""Earlier chunks each packet repeats: one lost packet alone loses nothing (8 bytes for it)."""

_READ_TIMEOUT = 0.25


class Speaking:
    """Encodes the microphone until stopped. `send` hands a packet's bytes to the network."""

    def __init__(
        self,
        encoder: StreamEncoder,
        spec: CodecSpec,
        microphone: Microphone,
        *,
        send: Callable[[bytes], object],
        is_muted: Callable[[], bool],
        meter: Meter,
        clock: Clock,
        say: Say,
        on_end: Callable[[], None],
    ) -> None:
        self._encoder, self._spec, self._microphone = encoder, spec, microphone
        self._send, self._is_muted, self._on_end = send, is_muted, on_end
        self._meter, self._clock, self._say = meter, clock, say
        self._load = LoadMeter(clock)
        self.encode_seconds = Recent()
        """How long a chunk takes to encode, of late."""
        self.capture_seconds = Recent()
        """How old the newest sample of a chunk is when the chunk is read, of late."""
        self._sequence = 0
        self._earlier: deque[Codes] = deque(maxlen=REDUNDANT_CHUNKS)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="speaking", daemon=True)

    def start(self) -> None:
        """Begin to encode and send."""
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Stop, waiting at most `timeout` seconds."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    @property
    def load(self) -> float:
        """Share of one core's time spent encoding."""
        return self._load.read()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._speak_a_chunk()
        except EndOfInput:
            self._on_end()
        except Exception as error:  # The thread's last words: a call must not fall silent unsaid.
            log.exception("The speaking thread failed")
            self._say(Notice("error", f"Your voice is no longer sent: {error}"))

    def _speak_a_chunk(self) -> None:
        pcm = self._microphone.read(CHUNK_SAMPLES, _READ_TIMEOUT)
        if pcm is None:
            return
        # Looked at now, what waits unread is lateness and not the next chunk's filling.
        self.capture_seconds.add(self._microphone.latency)
        if self._is_muted():
            return
        began = self._clock()
        codes: Codes = tuple(int(code) for code in self._encoder.step(pcm))
        took = self._clock() - began
        self._load.add(took)
        self.encode_seconds.add(took)
        self._transmit(codes)

    def _transmit(self, codes: Codes) -> None:
        voice = VoicePacket(
            self._spec.model_id,
            self._sequence % packet.SEQUENCE_MODULO,
            new=(codes,),
            redundant=tuple(self._earlier),
        )
        self._earlier.append(codes)
        self._sequence += 1
        self._meter.sent_codes(self._spec.chunk_bits)
        self._send(packet.encode(voice, self._spec.bits_per_code))
