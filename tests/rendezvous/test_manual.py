from __future__ import annotations

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.description import Candidate, CandidateKind, Description, Setup
from app.rendezvous.base import Letter, Rendezvous
from app.rendezvous.errors import (
    AnswerForAnotherCall,
    LinkAltered,
    LinkError,
    LinkExpired,
    LinkTooLong,
    LinkTruncated,
    LinkVersionUnsupported,
    NotALink,
    OwnLink,
    WrongLinkKind,
)
from app.rendezvous.manual import (
    CHECKSUM_BYTES,
    LIFETIME,
    MAX_NAME_BYTES,
    PREFIX,
    Link,
    LinkKind,
    ManualRendezvous,
    _checksum,
    choose_candidates,
    read_link,
    write_link,
)

HOST4 = Candidate(CandidateKind.HOST, "192.168.1.20", 50000)
HOST6 = Candidate(CandidateKind.HOST, "fd00::2", 50001)
REFLEXIVE = Candidate(CandidateKind.REFLEXIVE, "203.0.113.7", 61000)
RELAYED = Candidate(CandidateKind.RELAYED, "198.51.100.3", 62000)
LOOPBACK = Candidate(CandidateKind.HOST, "127.0.0.1", 50002)


class FakeClock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def description(seed: int, *candidates: Candidate) -> Description:
    rng = random.Random(seed)
    return Description(
        "".join(rng.choices("abcXYZ019+/", k=4)),
        "".join(rng.choices("abcXYZ019+/", k=22)),
        rng.randbytes(32),
        Setup.ACTPASS,
        candidates or (HOST4, REFLEXIVE),
    )


ICE = st.text("abcXYZ019+/", min_size=22, max_size=26)
CANDIDATES = st.builds(
    Candidate, st.sampled_from(CandidateKind), st.ip_addresses(v=4).map(str), st.integers(1, 65535)
)
LINKS = st.builds(
    Link,
    st.sampled_from(LinkKind),
    st.builds(
        Letter,
        st.binary(min_size=4, max_size=4),
        st.builds(
            Description,
            ICE,
            ICE,
            st.binary(min_size=32, max_size=32),
            st.sampled_from(Setup),
            st.lists(CANDIDATES, max_size=4, unique=True).map(
                lambda found: choose_candidates(tuple(found))
            ),
        ),
        st.text(st.characters(codec="utf-8").filter(str.isprintable), max_size=MAX_NAME_BYTES // 4),
        st.integers(0, 2**32 - 1),
    ),
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def caller(clock: FakeClock) -> ManualRendezvous:
    return ManualRendezvous(clock)


@pytest.fixture
def callee(clock: FakeClock) -> ManualRendezvous:
    return ManualRendezvous(clock)


def test_two_pastes_carry_both_descriptions(
    caller: ManualRendezvous, callee: ManualRendezvous, clock: FakeClock
) -> None:
    offer, answer = description(1), description(2)
    invite = callee.read_invite(caller.invite(offer, "Ada"))
    assert (invite.description, invite.name) == (offer, "Ada")
    assert invite.expires_at == clock.now + LIFETIME
    back = caller.read_answer(callee.answer(invite, answer, "Grace"))
    assert (back.description, back.name, back.call_id) == (answer, "Grace", invite.call_id)


def test_it_is_a_rendezvous(caller: ManualRendezvous) -> None:
    rendezvous: Rendezvous = caller
    assert rendezvous.invite(description(1), "").startswith(PREFIX)


@given(LINKS)
def test_every_link_comes_back_as_it_was(link: Link) -> None:
    assert read_link(write_link(link)) == link


def test_four_addresses_and_a_long_name_fit_a_line_of_chat(caller: ManualRendezvous) -> None:
    full = description(1, HOST4, HOST6, REFLEXIVE, RELAYED)
    assert len(caller.invite(full, "A name of many letters!!")) <= 220
    worst = description(1, HOST6, Candidate(CandidateKind.HOST, "fd00::3", 9), HOST4, REFLEXIVE)
    assert len(caller.invite(worst, "A name of many letters!!")) <= 220
    assert len(caller.invite(description(1), "Ada")) <= 150


@pytest.mark.parametrize(
    "wrap",
    [
        "{}",
        "  {}\n",
        "Call me: <{}> see you!",
        'He wrote "{}", so I came.',
        "{}thanksandbye",
        "{} thanks",
        "({}).",
    ],
)
def test_text_around_a_link_does_no_harm(wrap: str, caller: ManualRendezvous) -> None:
    link = caller.invite(description(1), "Ada")
    assert read_link(wrap.format(link)) == read_link(link)


def test_a_link_that_mail_wrapped_or_quoted_is_whole_again(caller: ManualRendezvous) -> None:
    link = caller.invite(description(1), "Ada")
    lines = [link[start : start + 40] for start in range(0, len(link), 40)]
    assert read_link("\r\n".join(lines)) == read_link(link)
    assert read_link("> " + "\n> ".join(lines)) == read_link(link)
    assert read_link("\u200b".join(lines)) == read_link(link)
    assert read_link(link.replace("undertone", "Undertone")) == read_link(link)


def test_every_cut_link_is_called_cut(caller: ManualRendezvous) -> None:
    link = caller.invite(description(1), "Ada")
    for end in range(len(PREFIX), len(link)):
        with pytest.raises(LinkTruncated):
            read_link(link[:end])
    with pytest.raises(NotALink):
        read_link(link[: len(PREFIX) - 1])


def test_every_changed_letter_is_noticed(caller: ManualRendezvous) -> None:
    link = caller.invite(description(1), "Ada")
    for at in range(len(PREFIX), len(link) - 1):  # of the last letter some bits carry nothing
        changed = link[:at] + ("A" if link[at] != "A" else "B") + link[at + 1 :]
        with pytest.raises((LinkAltered, LinkTruncated)):
            read_link(changed)


def rewritten(link: str, first: int) -> str:
    data = base64.urlsafe_b64decode(link.removeprefix(PREFIX) + "==")
    body = bytes((first,)) + data[1:-CHECKSUM_BYTES]
    return PREFIX + base64.urlsafe_b64encode(body + _checksum(body)).decode().rstrip("=")


@pytest.mark.parametrize(
    ("first", "word"), [(0x20, "newer"), (0x00, "older"), (0x17, "newer"), (0x07, "newer")]
)
def test_links_of_other_versions_say_who_must_update(
    first: int, word: str, caller: ManualRendezvous
) -> None:
    with pytest.raises(LinkVersionUnsupported, match=word):
        read_link(rewritten(caller.invite(description(1), "Ada"), first))


def test_an_expired_link_says_when(
    caller: ManualRendezvous, callee: ManualRendezvous, clock: FakeClock
) -> None:
    link = caller.invite(description(1), "Ada")
    clock.now += LIFETIME - 1
    callee.read_invite(link)
    clock.now += 1
    with pytest.raises(LinkExpired, match="2027"):
        callee.read_invite(link)


def test_an_expired_answer_is_refused(
    caller: ManualRendezvous, callee: ManualRendezvous, clock: FakeClock
) -> None:
    invite = callee.read_invite(caller.invite(description(1), ""))
    answer = callee.answer(invite, description(2), "")
    clock.now += LIFETIME
    with pytest.raises(LinkExpired):
        caller.read_answer(answer)


def test_the_wrong_one_of_the_two_links(caller: ManualRendezvous, callee: ManualRendezvous) -> None:
    first = caller.invite(description(1), "")
    answer = callee.answer(callee.read_invite(first), description(2), "")
    with pytest.raises(WrongLinkKind, match="This is an answer"):
        caller.read_invite(answer)
    with pytest.raises(WrongLinkKind, match="This is an invite"):
        callee.read_answer(first)


def test_ones_own_links_are_recognised(caller: ManualRendezvous, callee: ManualRendezvous) -> None:
    link = caller.invite(description(1), "")
    answer = callee.answer(callee.read_invite(link), description(2), "")
    for read in (caller.read_invite, caller.read_answer):
        with pytest.raises(OwnLink):
            read(link)
    for read in (callee.read_invite, callee.read_answer):
        with pytest.raises(OwnLink):
            read(answer)


def test_the_answer_to_an_invite_made_anew_since_is_refused(
    caller: ManualRendezvous, callee: ManualRendezvous
) -> None:
    first = callee.read_invite(caller.invite(description(3), ""))
    second = callee.read_invite(caller.invite(description(4), ""))
    with pytest.raises(AnswerForAnotherCall):
        caller.read_answer(callee.answer(first, description(5), ""))
    assert caller.read_answer(callee.answer(second, description(6), "")).call_id == second.call_id


def test_the_answer_to_another_invite_is_refused(
    caller: ManualRendezvous, callee: ManualRendezvous, clock: FakeClock
) -> None:
    stranger = ManualRendezvous(clock)
    invite = callee.read_invite(stranger.invite(description(3), ""))
    with pytest.raises(AnswerForAnotherCall):
        caller.read_answer(callee.answer(invite, description(2), ""))


@given(st.text(max_size=300))
def test_any_text_is_a_link_or_a_named_error(text: str) -> None:
    with pytest.raises(LinkError):
        read_link(text)


@given(st.text(max_size=300))
def test_any_text_after_the_prefix_is_a_link_or_a_named_error(text: str) -> None:
    with pytest.raises(LinkError):
        read_link(PREFIX + text)


@given(st.binary(min_size=40, max_size=240), st.sampled_from([0x10, 0x11]))
def test_any_bytes_with_a_sound_checksum_are_a_link_or_a_named_error(
    body: bytes, first: int
) -> None:
    whole = bytes((first, 2 + len(body) + CHECKSUM_BYTES)) + body
    text = PREFIX + base64.urlsafe_b64encode(whole + _checksum(whole)).decode().rstrip("=")
    try:
        link = read_link(text)
    except LinkError:
        return
    assert read_link(write_link(link)).letter.call_id == link.letter.call_id


def test_the_most_useful_addresses_are_kept() -> None:
    many = tuple(Candidate(CandidateKind.HOST, f"10.0.0.{n}", 9) for n in range(1, 9))
    assert choose_candidates((LOOPBACK, *many, HOST6, REFLEXIVE, RELAYED)) == (
        many[0],
        HOST6,
        REFLEXIVE,
        RELAYED,
    )
    assert choose_candidates((LOOPBACK,)) == (LOOPBACK,)
    sixes = tuple(Candidate(CandidateKind.HOST, f"fd00::{n}", 9) for n in range(1, 9))
    kept = choose_candidates((*sixes, *many))
    assert sum(candidate.is_ipv6 for candidate in kept) == 2
    assert len(kept) == 4


def test_credentials_too_long_for_a_link_are_refused(caller: ManualRendezvous) -> None:
    long = Description("u" * 255, "p" * 255, bytes(32), Setup.ACTPASS, ())
    with pytest.raises(LinkTooLong):
        caller.invite(long, "")
