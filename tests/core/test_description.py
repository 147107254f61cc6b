from __future__ import annotations

import pytest

from app.core.description import (
    Candidate,
    CandidateKind,
    Description,
    DescriptionInvalid,
    Setup,
)


def test_addresses_are_made_canonical() -> None:
    assert Candidate(CandidateKind.HOST, "FD00::0:2", 9).address == "fd00::2"


@pytest.mark.parametrize("address", ["", "host.local", "1.2.3", "fe80::1%eth0", "1.2.3.4\r\na=x"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(DescriptionInvalid):
        Candidate(CandidateKind.HOST, address, 9)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(DescriptionInvalid):
        Candidate(CandidateKind.HOST, "192.0.2.1", port)


@pytest.mark.parametrize(
    ("ufrag", "pwd", "fingerprint"),
    [
        ("abc", "p" * 22, bytes(32)),
        ("abcd", "p" * 21, bytes(32)),
        ("abcd", "p" * 22, bytes(31)),
        ("abcd\n", "p" * 22, bytes(32)),
    ],
)
def test_malformed_credentials_are_refused(ufrag: str, pwd: str, fingerprint: bytes) -> None:
    with pytest.raises(DescriptionInvalid):
        Description(ufrag, pwd, fingerprint, Setup.ACTPASS, ())


def test_reach_of_an_address() -> None:
    here = Candidate(CandidateKind.HOST, "127.0.0.1", 9)
    lan = Candidate(CandidateKind.HOST, "192.168.1.5", 9)
    wan = Candidate(CandidateKind.REFLEXIVE, "8.8.8.8", 9)
    assert (here.is_loopback, lan.is_loopback) == (True, False)
    assert (lan.is_private, wan.is_private) == (True, False)
