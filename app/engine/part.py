"""One peer's part in a call's sound: what goes to it, what comes from it, and their meters."""

from __future__ import annotations

from app.core.control import Report
from app.core.meter import EndLatency, LatencyParts, Meter
from app.core.profile import profile_of
from app.core.state import PeerReading
from app.engine.hearing import Hearing
from app.engine.sending import Sending
from app.engine.steering import Steering
from app.net.state import PeerStats


class Part:
    """Made by the `Call`, which knows this end's other shares of the delay."""

    def __init__(
        self, sending: Sending, hearing: Hearing, steering: Steering, meter: Meter
    ) -> None:
        self.sending, self.hearing, self.steering = sending, hearing, steering
        self.meter = meter
        self.round_trip: float | None = None
        self._theirs = EndLatency()

    def pong(self, round_trip: float, theirs: EndLatency) -> None:
        """Take what a pong told: seconds there and back, the peer's own shares of the delay."""
        self.round_trip, self._theirs = round_trip, theirs
        self.steering.round_trip(round_trip)

    def report(self, report: Report) -> None:
        """Take what the peer says of how this end's packets reach it."""
        self.steering.report(report)

    def reading(self, peer_id: int, own: EndLatency, network: PeerStats) -> PeerReading:
        """A look at every meter. `own` are this end's shares of the delay to and from this peer."""
        stats = self.hearing.stats()
        outgoing = incoming = trip = None
        if self.round_trip is not None:
            trip = self.round_trip * 1000
            outgoing = LatencyParts.between(own, self._theirs, trip)
            incoming = LatencyParts.between(self._theirs, own, trip)
        profile = self.steering.profile
        chunks = self.hearing.chunks
        return PeerReading(
            id=peer_id,
            bandwidth=self.meter.read(),
            outgoing=outgoing,
            incoming=incoming,
            round_trip_ms=trip,
            level=self.hearing.track.level,
            chunks_played=stats.played,
            chunks_concealed=stats.lost,
            chunks_late=stats.late,
            packets_dropped=network.voice_dropped,
            wire_measured=network.wire.exact,
            profile=profile.value if profile else "",
            their_profile=profile_of(chunks).value if chunks else "",
        )
