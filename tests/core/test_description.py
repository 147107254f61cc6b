from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.description import (
    Candidate,
    CandidateKind,
    Description,
    DescriptionInvalid,
    Setup,
    pack_description,
    unpack_description,
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


ICE = st.text("ABCxyz019+/", min_size=22, max_size=255)
CANDIDATES = st.builds(
    Candidate,
    st.sampled_from(CandidateKind),
    st.ip_addresses().filter(lambda a: not getattr(a, "scope_id", None)).map(str),
    st.integers(1, 0xFFFF),
)
DESCRIPTIONS = st.builds(
    Description,
    ICE,
    ICE,
    st.binary(min_size=32, max_size=32),
    st.sampled_from(Setup),
    st.lists(CANDIDATES, max_size=15).map(tuple),
)


@given(DESCRIPTIONS)
def test_a_description_survives_being_packed(description: Description) -> None:
    assert unpack_description(pack_description(description)) == description


@given(DESCRIPTIONS, st.data())
def test_any_part_of_one_is_refused_by_name(description: Description, data: st.DataObject) -> None:
    packed = pack_description(description)
    with pytest.raises(DescriptionInvalid):
        unpack_description(packed[: data.draw(st.integers(0, len(packed) - 1))])


@given(st.binary(max_size=300))
def test_any_bytes_are_a_description_or_refused_by_name(data: bytes) -> None:
    try:
        description = unpack_description(data)
    except DescriptionInvalid:
        return
    for candidate in description.candidates:
        assert ipaddress.ip_address(candidate.address)
