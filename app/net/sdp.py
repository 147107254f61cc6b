"""A `Description` as the text WebRTC speaks (RFC 8866, RFC 8841), for one data-channel section.

Remote descriptions are written without "end-of-candidates": aioice then never gives up by itself.
A link may travel for minutes, so how long to look for a way is for `app.net.peer` to say.
"""

from __future__ import annotations

from app.core.description import (
    Candidate,
    CandidateKind,
    Description,
    DescriptionInvalid,
    Setup,
)

_KIND_NAMES = {
    CandidateKind.HOST: "host",
    CandidateKind.REFLEXIVE: "srflx",
    CandidateKind.RELAYED: "relay",
}
_KINDS = {name: kind for kind, name in _KIND_NAMES.items()}
_SETUPS = {setup.name.lower(): setup for setup in Setup}

_TYPE_PREFERENCE = {
    CandidateKind.HOST: 126,
    CandidateKind.REFLEXIVE: 100,
    CandidateKind.RELAYED: 0,
}
"""Recommended in RFC 8445 section 5.1.2.2."""


def to_sdp(description: Description) -> str:
    """The session description that tells the same."""
    pairs = ":".join(f"{byte:02X}" for byte in description.fingerprint)
    lines = [
        "v=0",
        "o=- 0 0 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=sctp-port:5000",
        "a=max-message-size:65536",
        f"a=ice-ufrag:{description.ufrag}",
        f"a=ice-pwd:{description.pwd}",
        f"a=fingerprint:sha-256 {pairs}",
        f"a=setup:{description.setup.name.lower()}",
    ]
    lines += [
        _candidate_line(index, candidate) for index, candidate in enumerate(description.candidates)
    ]
    return "\r\n".join(lines) + "\r\n"


def from_sdp(text: str) -> Description:
    """The description in a session description with one data-channel section.

    Candidates that are not UDP addresses are left out. Raises `DescriptionInvalid`.
    """
    fields: dict[str, str] = {}
    candidates = []
    for line in text.splitlines():
        name, _, value = line.removeprefix("a=").partition(":")
        if not line.startswith("a="):
            continue
        if name == "candidate":
            candidates += _read_candidate(value)
        elif name == "fingerprint":
            algorithm, _, pairs = value.partition(" ")
            fields[algorithm.lower()] = pairs
        else:
            fields[name] = value
    try:
        return Description(
            ufrag=fields["ice-ufrag"],
            pwd=fields["ice-pwd"],
            fingerprint=bytes.fromhex(fields["sha-256"].replace(":", " ")),
            setup=_SETUPS[fields["setup"]],
            candidates=tuple(candidates),
        )
    except (KeyError, ValueError):
        raise DescriptionInvalid from None


def _candidate_line(index: int, candidate: Candidate) -> str:
    priority = _TYPE_PREFERENCE[candidate.kind] << 24 | (0xFFFF - index) << 8 | 255
    line = f"a=candidate:{index + 1} 1 udp {priority} {candidate.address} {candidate.port}"
    line += f" typ {_KIND_NAMES[candidate.kind]}"
    if candidate.kind is not CandidateKind.HOST:
        # RFC 8839 section 5.1 asks for the related address, and lets it be blanked like this.
        line += " raddr :: rport 9" if candidate.is_ipv6 else " raddr 0.0.0.0 rport 9"
    return line


def _read_candidate(value: str) -> list[Candidate]:
    words = value.split()
    if len(words) < 8 or words[2].lower() != "udp" or words[7] not in _KINDS:
        return []
    try:
        return [Candidate(_KINDS[words[7]], words[4], int(words[5]))]
    except (ValueError, DescriptionInvalid):
        return []
