"""All peers' speech, mixed → loudspeaker, on one thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

import numpy as np

from app.audio.mixer import Mixer
from app.core.meter import Clock, LoadMeter, Meter
from app.core.models import ModelOffer
from app.core.passes import Next, joining
from app.core.state import Notice
from app.engine.cores import Cores
from app.engine.decoding import Decoding
from app.engine.hearing import NOISE_SECONDS, Hearing
from app.engine.sound import Loudspeaker, Say
from codec.model.codec import Codec
from codec.rates import rates_of

log = logging.getLogger(__name__)

LEAD_SECONDS = 0.03
"""The next chunk is decoded when less sound than this is ahead: time for a slow decode."""

_DECODES = 2.0
_MOST_LEAD_SECONDS = 0.12

_SPARE_SECONDS = 0.08
"""More than that on a busy machine: a chunk that is decoded too late by its own length is heard."""

_BLOCK_SECONDS = 0.04
"""Mixed at a time among several peers: so long at most is an onset kept waiting."""

_LOW_SECONDS = 0.02
"""With less ahead, a peer whose chunk is late waits alone, and the others are played."""

_IDLE_WAIT = 0.1
_SHORTEST_WAIT = 0.002


class Listening:
    """Plays what all peers say until stopped. Peers come and go between any two blocks."""

    def __init__(
        self,
        codec: Codec,
        loudspeaker: Loudspeaker,
        *,
        clock: Clock,
        say: Say,
        cores: Cores | None = None,
    ) -> None:
        self._codec, self._loudspeaker = codec, loudspeaker
        self._more: tuple[Codec, ...] = ()
        self._cores = cores or Cores()
        self.spares = False
        """Whether to keep more sound ahead, for a machine that is too busy to be in time."""
        self._clock, self._say = clock, say
        self._mixer = Mixer(codec.spec.output_rate)
        self._block = round(_BLOCK_SECONDS * codec.spec.output_rate)
        self._load = LoadMeter(clock)
        self._lock = threading.Lock()
        self._hearings: tuple[Hearing, ...] = ()
        self._arrived = threading.Event()
        self._stop = threading.Event()
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

    def add(self, meter: Meter) -> Hearing:
        """Begin to hear one peer more. Takes as long as a few chunks take to decode."""
        hearing = Hearing(
            self._codec,
            self._mixer.add(),
            arrived=self._arrived.set,
            meter=meter,
            clock=self._clock,
            say=self._say,
        )
        with self._lock:
            learnt = self._more
            self._hearings = (*self._hearings, hearing)
        for codec in learnt:
            hearing.learn(codec)
        return hearing

    def learn(self, codec: Codec) -> None:
        """Understand packets of this model as well, from all peers, as soon as this returns."""
        with self._lock:
            if any(each is codec for each in self._codecs):
                return  # As after a change there and back.
            self._more, hearings = (*self._more, codec), self._hearings
        for each in hearings:
            each.learn(codec)

    def known(self, offer: ModelOffer) -> Codec | None:
        """The model of this offer, if its packets are understood."""
        ids = (offer.model_id, offer.digest)
        known = (c for c in self._codecs if (c.spec.model_id, c.spec.digest) == ids)
        return next(known, None)

    def tells_apart(self, codec: Codec) -> bool:
        """Whether packets of this model could not be taken for those of another that is known."""
        known = {view.spec.model_id: each for each in self._codecs for view in rates_of(each)}
        others = (known.get(view.spec.model_id) for view in rates_of(codec))
        return all(each is None or each.spec.digest == codec.spec.digest for each in others)

    @property
    def _codecs(self) -> tuple[Codec, ...]:
        return (self._codec, *self._more)

    @property
    def decode_seconds(self) -> float:
        """How long a chunk takes to decode, of late and at most; 0 before the first.

        Of a pass that decodes several peers' chunks it is a chunk's share.
        """
        return max((each.share_seconds.value or 0.0 for each in self._hearings), default=0.0)

    def remove(self, hearing: Hearing) -> None:
        """Hear a peer no more."""
        with self._lock:
            self._hearings = tuple(each for each in self._hearings if each is not hearing)
        self._mixer.remove(hearing.track)

    def cue(self, pcm: np.ndarray) -> None:
        """Play a short sound of the app's own on top: float32 of shape (n,) at 16 kHz."""
        self._mixer.cue(pcm)
        self._arrived.set()

    @property
    def load(self) -> float:
        """Share of one core's time spent decoding."""
        return self._load.read()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                if self._loudspeaker.wait_below(self._lead(), _IDLE_WAIT):
                    self._play_next()
        except Exception as error:  # The thread's last words: a call must not fall silent unsaid.
            log.exception("The listening thread failed")
            self._say(Notice("error", f"The other end can no longer be heard: {error}"))

    def _lead(self) -> float:
        """Seconds of sound to hold while decoding: more on a machine that decodes slowly.

        Enough, too, for all peers whose chunks fall due at once.
        """
        passes = [each.decode_seconds.value or 0.0 for each in self._hearings]
        shares = [each.share_seconds.value or 0.0 for each in self._hearings]
        wanted = max(LEAD_SECONDS, _DECODES * max(passes, default=0.0), sum(shares))
        spare = _SPARE_SECONDS if self.spares else 0.0
        return min(wanted, _MOST_LEAD_SECONDS) + spare

    def _play_next(self) -> None:
        """Decode what is due, then mix and play as far as that reaches, or wait for more."""
        self._arrived.clear()
        self._cores.follow()
        hearings, lead = self._hearings, self._lead()
        several = len(hearings) > 1
        room = _BLOCK_SECONDS if several else NOISE_SECONDS
        least = _LOW_SECONDS if several and self._mixer.ready else 0.0
        looks = [each.attend(self._loudspeaker.queued, lead, room, least) for each in hearings]
        self._decode(hearings, lead)
        waits = [look for look in looks if look is not None]
        ready, spare = self._mixer.ready, self._loudspeaker.queued - _LOW_SECONDS
        if ready and (not waits or spare <= 0):
            # One peer alone is played a whole chunk at a time: nobody's onset could be kept waiting
            # by that, and a thread that is late then harms least.
            alone = len(hearings) == 1 and hearings[0].track.samples
            self._loudspeaker.write(self._mixer.mix(ready if alone else min(ready, self._block)))
            return
        wait = min(waits, default=_IDLE_WAIT)
        if spare > 0:
            wait = min(wait, spare)
        self._arrived.wait(min(max(wait, _SHORTEST_WAIT), _IDLE_WAIT))

    def _decode(self, hearings: Sequence[Hearing], lead: float) -> None:
        """Decode what is due, in one pass for each model, and what may join."""
        due = [Next(each.due.ahead, each.due.model) for each in hearings if each.due is not None]
        if not due:
            return
        others = [each for each in hearings if each.due is None]
        queued = self._loudspeaker.queued
        for at in joining(due, [each.next(queued) for each in others], lead):
            others[at].join(queued, lead)
        for model in {each.model for each in due}:
            self._decode_together(
                [each for each in hearings if each.due is not None and each.due.model == model]
            )

    def _decode_together(self, hearings: Sequence[Hearing]) -> None:
        """Decode chunks of one model and rate that are due."""
        began = self._clock()
        codes = [each.due.codes if each.due is not None else None for each in hearings]
        sounds = Decoding.step([each.decoding for each in hearings], codes)
        shaped = [each.shaped(sound) for each, sound in zip(hearings, sounds, strict=True)]
        took = self._clock() - began
        self._load.add(took)
        for each, pcm in zip(hearings, shaped, strict=True):
            each.play(pcm, took, took / len(hearings))
