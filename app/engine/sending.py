"""The call's codes → one peer's packets, filled by what is known of the way to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from app.core.meter import Meter
from app.core.packet import Codes, NoiseHint
from app.core.packing import Outgoing, Packer, Rate
from app.core.profile import Plan


class Steers(Protocol):
    """Says how the next packet is to be filled."""

    def plan(self) -> Plan: ...


class Sending:
    """Packs and sends for one peer, on the speaking thread. `send` hands bytes to the network."""

    def __init__(
        self,
        rates: Sequence[Rate],
        steering: Steers,
        *,
        send: Callable[[bytes], object],
        meter: Meter,
    ) -> None:
        self._packer, self._rates = Packer(rates), rates
        self._steering, self._send, self._meter = steering, send, meter

    def use(self, rates: Sequence[Rate]) -> None:
        """Take the codes from now on to be of the model that has these rates."""
        if rates is not self._rates:
            self._rates = rates
            self._transmit(self._packer.use(rates, self._steering.plan()))

    def voice(self, codes: Codes) -> None:
        """A chunk of speech."""
        self._transmit(self._packer.voice(codes, self._steering.plan()))

    def silence(self, codes: Codes | None, noise: NoiseHint) -> None:
        """A chunk that is not speech: its codes, None where it was not even encoded."""
        self._transmit(self._packer.silence(codes, noise, self._steering.plan()))

    def _transmit(self, packets: list[Outgoing]) -> None:
        for each in packets:
            if each.code_bits:
                self._meter.sent_codes(each.code_bits)
            self._send(each.data)
