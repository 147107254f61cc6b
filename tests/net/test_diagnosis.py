from __future__ import annotations

import pytest

from app.core.description import Candidate, CandidateKind, Description, Setup
from app.net.config import NetworkConfig, TurnServer
from app.net.diagnosis import unanswered_servers, why_no_route

LAN = Candidate(CandidateKind.HOST, "192.168.1.2", 5)
WAN = Candidate(CandidateKind.REFLEXIVE, "8.8.8.8", 5)
SIX = Candidate(CandidateKind.HOST, "2600::1", 5)
TURN = NetworkConfig(turn=(TurnServer("turn:relay"),))


def end(*candidates: Candidate) -> Description:
    return Description("u" * 4, "p" * 22, bytes(32), Setup.ACTIVE, candidates)


@pytest.mark.parametrize(
    ("config", "own", "theirs", "way_found", "word"),
    [
        (NetworkConfig(), end(LAN), end(LAN), True, "handshake"),
        (NetworkConfig(), end(LAN), end(), False, "no address"),
        (NetworkConfig(), end(LAN), end(SIX), False, "IPv6"),
        (NetworkConfig(), end(LAN), end(LAN), False, "STUN"),
        (NetworkConfig(), end(LAN, WAN), end(LAN), False, "STUN"),
        (NetworkConfig(), end(LAN, WAN), end(WAN), False, "TURN"),
        (TURN, end(LAN, WAN), end(WAN), False, "not even through the relay"),
    ],
)
def test_the_words_say_why(
    config: NetworkConfig, own: Description, theirs: Description, way_found: bool, word: str
) -> None:
    assert word in str(why_no_route(config, own, theirs, way_found))


def test_a_relay_password_is_not_shown() -> None:
    assert "secret" not in repr(TurnServer("turn:relay", "me", "secret"))


def test_servers_that_gave_no_address_are_told() -> None:
    config = NetworkConfig(stun=("stun:a.example:3478",), turn=(TurnServer("turn:b.example"),))
    local = end(Candidate(CandidateKind.HOST, "10.0.0.2", 5))
    assert "a.example" in (unanswered_servers(config, local) or "")
    seen = Candidate(CandidateKind.REFLEXIVE, "8.8.8.8", 5)
    assert "b.example" in (unanswered_servers(config, end(seen)) or "")
    relayed = Candidate(CandidateKind.RELAYED, "8.8.4.4", 5)
    assert unanswered_servers(config, end(seen, relayed)) is None
    assert unanswered_servers(NetworkConfig(), local) is None
    public = end(Candidate(CandidateKind.HOST, "8.8.8.8", 5))
    assert unanswered_servers(NetworkConfig(stun=("stun:a.example:3478",)), public) is None
