"""Microphone → codes → packets, on a thread of its own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from app.audio.backend import EndOfInput
from app.core import packet
from app.core.meter import LoadMeter, Meter
from app.core.packet import Codes, VoicePacket
from app.core.state import Notice
from app.engine.sound import Microphone
from codec.spec import CHUNK_SAMPLES, CodecSpec
from codec.stream import StreamEncoder

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
        send: Callable[[bytes], None],
        meter: Meter,
        clock: Callable[[], float],
        say: Callable[[Notice], None],
        on_end: Callable[[], None],
    ) -> None:
        self._encoder, self._spec, self._microphone = encoder, spec, microphone
        self._send, self._meter, self._say, self._on_end = send, meter, say, on_end
        self._clock = clock
        self._load = LoadMeter(clock)
        self._encode_seconds = 0.0
        self._capture_seconds = 0.0
        self._sequence = 0
        self._earlier: deque[Codes] = deque(maxlen=REDUNDANT_CHUNKS)
        self._stop = threading.Event()
        self.muted = False
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

    @property
    def encode_seconds(self) -> float:
        """How long a chunk takes to encode, of late."""
        return self._encode_seconds

    @property
    def capture_seconds(self) -> float:
        """How old the newest sample of a chunk is when the chunk is read, of late."""
        return self._capture_seconds

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                pcm = self._microphone.read(CHUNK_SAMPLES, _READ_TIMEOUT)
                if pcm is None:
                    continue
                # Looked at now, what waits unread is lateness and not the next chunk's filling.
                self._capture_seconds += 0.1 * (self._microphone.latency - self._capture_seconds)
                if not self.muted:
                    began = self._clock()
                    codes: Codes = tuple(int(code) for code in self._encoder.step(pcm))
                    took = self._clock() - began
                    self._load.add(took)
                    self._encode_seconds += 0.1 * (took - self._encode_seconds)
                    self._transmit(codes)
        except EndOfInput:
            self._on_end()
        except Exception as error:  # The thread's last words: a call must not fall silent unsaid.
            self._say(Notice("error", f"Your voice is no longer sent: {error}"))

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
