"""Microphone → codes, once for all peers, on a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from app.audio.backend import EndOfInput
from app.audio.voice_activity import VoiceActivity
from app.core.meter import Clock, LoadMeter, Recent
from app.core.packet import NO_SOUND, Codes
from app.core.packing import Rate
from app.core.state import Notice
from app.engine.cores import Cores
from app.engine.sending import Sending
from app.engine.sound import Microphone, Say
from codec.spec import CHUNK_SAMPLES
from codec.stream import StreamEncoder

log = logging.getLogger(__name__)

_READ_TIMEOUT = 0.25


class Speaking:
    """Encodes the microphone until stopped, and gives each chunk to every peer's `Sending`.

    While nobody speaks there is nothing to send, but for `continuous`.
    """

    def __init__(
        self,
        encoder: StreamEncoder,
        microphone: Microphone,
        *,
        continuous: bool = False,
        is_muted: Callable[[], bool],
        clock: Clock,
        say: Say,
        on_end: Callable[[], None],
        cores: Cores | None = None,
    ) -> None:
        self._encoder, self._microphone = encoder, microphone
        self._rates: Sequence[Rate] | None = None
        self._next: tuple[StreamEncoder, Sequence[Rate]] | None = None
        self._cores = cores or Cores()
        self._activity = VoiceActivity()
        self._continuous = continuous
        self._is_muted, self._on_end = is_muted, on_end
        self._clock, self._say = clock, say
        self._lock = threading.Lock()
        self._sendings: tuple[Sending, ...] = ()
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

    def add(self, sending: Sending) -> None:
        """Speak to one peer more, from the next chunk on."""
        with self._lock:
            self._sendings = (*self._sendings, sending)

    def remove(self, sending: Sending) -> None:
        """Speak to a peer no more."""
        with self._lock:
            self._sendings = tuple(each for each in self._sendings if each is not sending)

    def use(self, encoder: StreamEncoder, rates: Sequence[Rate]) -> None:
        """Speak with another model, which has these rates, from the next chunk on."""
        self._next = encoder, rates

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
        self._cores.follow()
        if self._next is not None:
            (self._encoder, self._rates), self._next = self._next, None
        sendings = self._sendings
        if self._rates is not None:
            for each in sendings:
                each.use(self._rates)
        if self._is_muted():
            for each in sendings:
                each.silence(None, NO_SOUND)
            return
        began = self._clock()
        codes: Codes = tuple(int(code) for code in self._encoder.step(pcm))
        speaks = self._activity.step(pcm) or self._continuous
        took = self._clock() - began
        self._load.add(took)
        self.encode_seconds.add(took)
        for each in sendings:
            if speaks:
                each.voice(codes)
            else:
                # Silence is encoded too: the chunk before speech is sent with the first of it.
                each.silence(codes, self._activity.noise)
