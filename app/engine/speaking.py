"""Microphone → codes → packets, on a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from app.audio.backend import EndOfInput
from app.audio.voice_activity import VoiceActivity
from app.core.meter import Clock, LoadMeter, Meter, Recent
from app.core.packet import NO_SOUND, Codes
from app.core.packing import Outgoing, Packer, Rate
from app.core.profile import Plan
from app.core.state import Notice
from app.engine.sound import Microphone, Say
from codec.spec import CHUNK_SAMPLES
from codec.stream import StreamEncoder

log = logging.getLogger(__name__)

_READ_TIMEOUT = 0.25


class Speaking:
    """Encodes the microphone until stopped. `send` hands a packet's bytes to the network.

    `rates` are the encoder's, its own first; `plan` says how to fill the next packet. While nobody
    speaks nothing is sent, but for `continuous`.
    """

    def __init__(
        self,
        encoder: StreamEncoder,
        rates: Sequence[Rate],
        microphone: Microphone,
        *,
        send: Callable[[bytes], object],
        plan: Callable[[], Plan],
        continuous: bool = False,
        is_muted: Callable[[], bool],
        meter: Meter,
        clock: Clock,
        say: Say,
        on_end: Callable[[], None],
    ) -> None:
        self._encoder, self._microphone = encoder, microphone
        self._packer = Packer(rates)
        self._activity = VoiceActivity()
        self._plan, self._continuous = plan, continuous
        self._send, self._is_muted, self._on_end = send, is_muted, on_end
        self._meter, self._clock, self._say = meter, clock, say
        self._load = LoadMeter(clock)
        self.encode_seconds = Recent()
        """How long a chunk takes to encode, of late."""
        self.capture_seconds = Recent()
        """How old the newest sample of a chunk is when the chunk is read, of late."""
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
        plan = self._plan()
        if self._is_muted():
            self._transmit(self._packer.silence(None, NO_SOUND, plan))
            return
        began = self._clock()
        codes: Codes = tuple(int(code) for code in self._encoder.step(pcm))
        speaks = self._activity.step(pcm) or self._continuous
        took = self._clock() - began
        self._load.add(took)
        self.encode_seconds.add(took)
        # Silence is encoded too: when speech begins, the encoder has heard what came before.
        self._transmit(
            self._packer.voice(codes, plan)
            if speaks
            else self._packer.silence(codes, self._activity.noise, plan)
        )

    def _transmit(self, packets: list[Outgoing]) -> None:
        for each in packets:
            if each.code_bits:
                self._meter.sent_codes(each.code_bits)
            self._send(each.data)
