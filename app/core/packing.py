"""The sender's side of a voice stream: chunks into packets, by a plan that may change any time.

While nobody speaks nothing is sent but a hint at the background's sound: on going silent, once
more soon after in case that was lost, then seldom. The chunk before speech begins, which was
encoded but not sent, goes out with the first packet, so that no onset is clipped.

When a plan wants more chunks in a packet, packets of the new size that overlap are sent at the old
pace for a while: the listener sees the size, and draws speech out until its delay is long enough
to wait for such packets. So nothing is missing when the pace changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.core import packet
from app.core.packet import (
    MAX_DISTANCE,
    MAX_NEW_CHUNKS,
    MAX_SINCE,
    NO_SOUND,
    SEQUENCE_MODULO,
    Codes,
    NoiseHint,
    SilencePacket,
    VoicePacket,
)
from app.core.profile import Plan

AGAIN_CHUNKS = 6
"""The hint is sent again so many chunks after the first: 0.48 s, beyond most bursts of loss."""

REFRESH_CHUNKS = 375
"""And then each 30 s, when nothing changes."""

CHANGED_CHUNKS = 62
"""A background that changed is told at most each 5 s."""

CHANGED_DB = 6
"""By so much the background's level must have changed to be told before its time."""


GROWTH_CHUNKS = 6
"""Chunks sent in overlapping packets for each chunk more in a packet: 80 ms of delay in 0.48 s."""


@dataclass(frozen=True)
class Rate:
    """One rate of a model: codes without their last `left_out` bits, under an id of their own."""

    model_id: int
    bits_per_code: int
    left_out: int = 0

    def of(self, codes: Codes) -> Codes:
        """The codes at this rate of codes at the full one."""
        return tuple(code >> self.left_out for code in codes) if self.left_out else codes


@dataclass(frozen=True)
class Outgoing:
    """A packet's bytes, and how many bits of them are codes of new chunks."""

    data: bytes
    code_bits: int


class Packer:
    """Fills packets for one listener. `rates` are the model's, the full one first."""

    def __init__(self, rates: Sequence[Rate]) -> None:
        self._full = rates[0]
        self._lean = min(rates, key=lambda rate: rate.bits_per_code)
        self._number = 0
        self._pending: list[tuple[int, Codes]] = []
        self._sent: dict[int, Codes] = {}
        self._before: Codes | None = None
        self._silent_for = 0
        self._onset = True
        self._pace = 0
        self._overlaps = 0
        self._told: tuple[int, NoiseHint] | None = None

    def use(self, rates: Sequence[Rate], plan: Plan) -> list[Outgoing]:
        """Take the codes from now on to be of another model; what was gathered goes out first.

        A packet is of one model, so what was sent before is not repeated any more.
        """
        out = [self._flush(plan)] if self._pending else []
        self._full, self._lean = rates[0], min(rates, key=lambda rate: rate.bits_per_code)
        self._sent, self._before, self._overlaps = {}, None, 0
        return out

    @property
    def is_silent(self) -> bool:
        """Whether the last chunk was silent."""
        return self._silent_for > 0

    def voice(self, codes: Codes, plan: Plan) -> list[Outgoing]:
        """A chunk of speech, and the packet that is full with it, if one is."""
        if self._silent_for and self._before is not None:
            self._pending.append((self._number - 1, self._before))
        self._silent_for, self._told = 0, None
        self._pending.append((self._number, codes))
        self._number += 1
        self._set_pace(plan)
        return [self._flush(plan)] if len(self._pending) >= self._pace else []

    def silence(self, codes: Codes | None, noise: NoiseHint, plan: Plan) -> list[Outgoing]:
        """A chunk that is not speech: its codes, None where it was not even encoded."""
        out = [self._flush(plan)] if self._pending else []
        self._onset, self._before = True, codes
        if self._is_due(noise):
            out.append(self._tell(noise))
        self._silent_for += 1
        self._number += 1
        self._pace = self._overlaps = 0
        return out

    def _set_pace(self, plan: Plan) -> None:
        """How many chunks to gather: the plan's, at once but for the overlaps before more."""
        if self._pace == 0 or plan.new <= self._pace:
            self._pace, self._overlaps = plan.new, 0
        elif self._overlaps < GROWTH_CHUNKS * (plan.new - self._pace):
            self._overlaps += 1
        else:
            self._pace, self._overlaps = plan.new, 0

    def _is_due(self, noise: NoiseHint) -> bool:
        if self._told is None or self._silent_for == AGAIN_CHUNKS:
            return True
        at, before = self._told
        passed = self._number - at
        switched = (before == NO_SOUND) != (noise == NO_SOUND)
        changed = abs(noise.level - before.level) >= CHANGED_DB
        return (
            switched
            or passed >= REFRESH_CHUNKS
            or (changed and passed >= CHANGED_CHUNKS and noise != NO_SOUND)
        )

    def _tell(self, noise: NoiseHint) -> Outgoing:
        self._told = self._number, noise
        since = min(self._silent_for, MAX_SINCE)
        sequence = self._number % SEQUENCE_MODULO
        quiet = SilencePacket(self._full.model_id, sequence, since, noise)
        return Outgoing(packet.encode(quiet, self._full.bits_per_code), 0)

    def _flush(self, plan: Plan) -> Outgoing:
        rate = self._lean if plan.lean else self._full
        new, self._pending = self._pending[:MAX_NEW_CHUNKS], self._pending[MAX_NEW_CHUNKS:]
        fresh = len(new)
        if self._overlaps:
            new = self._overlapping(new, plan.new)
        first, count = new[0][0], len(new)
        repeats = {d: self._block(first - d * count, count) for d in plan.distances}
        distances = tuple(d for d in sorted(repeats) if repeats[d] is not None)
        redundant = [codes for d in reversed(distances) for codes in repeats[d] or ()]
        voice = VoicePacket(
            rate.model_id,
            first % SEQUENCE_MODULO,
            new=tuple(rate.of(codes) for _, codes in new),
            distances=distances,
            redundant=tuple(rate.of(codes) for codes in redundant),
            onset=self._onset,
        )
        self._onset = False
        self._remember(new)
        bits = fresh * packet.CODES_PER_CHUNK * rate.bits_per_code
        return Outgoing(packet.encode(voice, rate.bits_per_code), bits)

    def _overlapping(self, new: list[tuple[int, Codes]], size: int) -> list[tuple[int, Codes]]:
        """`new` with chunks sent before in front of it, up to `size`, as far as they are known."""
        while len(new) < size and (before := self._sent.get(new[0][0] - 1)) is not None:
            new = [(new[0][0] - 1, before), *new]
        return new

    def _block(self, first: int, count: int) -> list[Codes] | None:
        """The chunks from `first` on, if all of them were sent."""
        chunks = [self._sent.get(number) for number in range(first, first + count)]
        known = [codes for codes in chunks if codes is not None]
        return known if len(known) == count else None

    def _remember(self, sent: list[tuple[int, Codes]]) -> None:
        self._sent.update(sent)
        oldest = sent[-1][0] - (MAX_DISTANCE + 1) * MAX_NEW_CHUNKS
        self._sent = {number: codes for number, codes in self._sent.items() if number > oldest}
