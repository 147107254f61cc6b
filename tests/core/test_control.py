from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.core.control import (
    MAX_CHAT_BYTES,
    MAX_TEXT_BYTES,
    Bye,
    ByeReason,
    Chat,
    ChatReceived,
    ChatTooLong,
    ControlError,
    ControlMessage,
    ControlTextWrong,
    ControlTruncated,
    ControlTypeUnknown,
    ControlVersionUnknown,
    Hello,
    IntroductionWrong,
    ModelReady,
    ModelWish,
    Mute,
    Ping,
    Pong,
    Report,
)
from app.core.control_format import decode_control, encode_control
from app.core.introductions import MOST_RELAYED_BYTES, Apart, Member, Present, Relay, Step
from app.core.meter import EndLatency
from app.core.models import MAX_OFFERS, ModelOffer
from app.core.texts import clean_lines

U8, U16, U32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
TEXT = st.text(st.characters(codec="utf-8").filter(str.isprintable), max_size=MAX_TEXT_BYTES // 4)
OFFERS = st.lists(st.builds(ModelOffer, U8, U32), max_size=MAX_OFFERS).map(tuple)
HELD = st.integers(0, 65534).map(lambda tenths: tenths / 10)
SHARE = st.none() | st.integers(0, 65534).map(lambda tenths: tenths / 10)

MESSAGES: st.SearchStrategy[ControlMessage] = st.one_of(
    st.builds(Hello, TEXT, TEXT, U8, TEXT, U32, st.booleans(), U32, OFFERS),
    st.builds(Ping, U16, U32),
    st.builds(Pong, U16, U32, st.builds(EndLatency, SHARE, SHARE, SHARE, SHARE, SHARE), HELD),
    st.builds(Mute, st.booleans()),
    st.builds(Bye, st.sampled_from(ByeReason)),
    st.builds(
        Report,
        st.integers(0, 255).map(lambda loss: loss / 255),
        st.integers(16, 255).map(lambda burst: burst / 16),
        st.integers(0, 0xFFFF).map(lambda queue: queue / 1000),
    ),
    st.builds(Chat, U32, st.text(max_size=MAX_CHAT_BYTES // 4).map(clean_lines)),
    st.builds(ChatReceived, U32),
    st.builds(Present, U32, st.lists(st.builds(Member, U32, TEXT), max_size=7).map(tuple)),
    st.builds(Relay, U32, U32, st.sampled_from(Step), st.binary(max_size=MOST_RELAYED_BYTES)),
    st.builds(Apart, U32),
    st.builds(ModelWish, st.builds(ModelOffer, U8, U32)),
    st.builds(ModelReady, st.builds(ModelOffer, U8, U32), st.booleans()),
)


@given(MESSAGES)
def test_every_message_comes_back_as_it_was(sent: ControlMessage) -> None:
    assert decode_control(encode_control(sent)) == sent


@given(st.binary(max_size=100))
def test_any_bytes_are_a_message_or_a_named_error(data: bytes) -> None:
    try:
        read = decode_control(data)
    except ControlError:
        return
    assert decode_control(encode_control(read)) == read


@given(MESSAGES, st.binary(min_size=1, max_size=9))
def test_fields_of_a_later_version_are_passed_over(sent: ControlMessage, more: bytes) -> None:
    assert decode_control(encode_control(sent) + more) == sent


@given(MESSAGES)
def test_a_cut_message_is_an_error(sent: ControlMessage) -> None:
    # A hello cut before its (empty) list of models is one of an earlier version.
    assume(not isinstance(sent, Hello) or sent.offers)
    with pytest.raises(ControlTruncated):
        decode_control(encode_control(sent)[:-1])


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", ControlTruncated),
        (b"\x22\x00\x01\x00\x00\x00\x00", ControlVersionUnknown),
        (b"\x1f", ControlTypeUnknown),
        (b"\x07\x00\x00\x00\x01\x00\x01\xff", ControlTextWrong),
        (b"\x07\x00\x00\x00\x01\xff\xff" + b"x" * 0xFFFF, ChatTooLong),
        (b"\x01\x01\x00\x00\x00\x3e\x80\x00\x00\x00\x00\x01\xff\x00\x00", ControlTextWrong),
    ],
)
def test_each_defect_has_its_name(data: bytes, error: type[ControlError]) -> None:
    with pytest.raises(error):
        decode_control(data)


def test_a_bye_for_a_reason_of_a_later_version_is_still_a_bye() -> None:
    assert decode_control(b"\x05\xee") == Bye(ByeReason.OTHER)


def test_a_report_beyond_what_fits_is_cut_to_it() -> None:
    assert decode_control(encode_control(Report(2.0, 99.0, -1.0))) == Report(1.0, 255 / 16, 0.0)


def test_long_names_are_cut_between_characters() -> None:
    read = decode_control(encode_control(Hello("é" * 40, "1", 1, "m", 16000)))
    assert isinstance(read, Hello)
    assert read.name == "é" * 32


def test_a_name_cannot_steer_the_terminal_it_is_shown_on() -> None:
    read = decode_control(encode_control(Hello("\x1b[2Jé\u202e\n", "1", 1, "m", 16000)))
    assert isinstance(read, Hello)
    assert read.name == "?[2Jé??"


def test_a_hello_of_before_there_were_offers_offers_the_model_it_speaks() -> None:
    sent = Hello("Ada", "0.1", 1, "undertone-1", 16000, model_digest=7)
    earlier = encode_control(sent)[:-1]
    read = decode_control(earlier)
    assert read == sent
    assert isinstance(read, Hello)
    assert read.models == (ModelOffer(1, 7),)


def test_a_hello_tells_the_first_of_too_many_models() -> None:
    many = tuple(ModelOffer(2, digest) for digest in range(1, 40))
    read = decode_control(encode_control(Hello("", "", 2, "m", 24000, offers=many)))
    assert isinstance(read, Hello)
    assert read.models == many[:MAX_OFFERS]


def test_a_chat_message_too_long_is_not_sent_and_the_longest_is() -> None:
    with pytest.raises(ChatTooLong, match="1001 bytes"):
        encode_control(Chat(1, "x" * (MAX_CHAT_BYTES + 1)))
    longest = Chat(1, "é" * (MAX_CHAT_BYTES // 2))
    assert decode_control(encode_control(longest)) == longest


def test_a_chat_message_is_cleaned_when_it_is_read() -> None:
    raw = "\x1b[2Jhello\u202e\r\nyou".encode()
    data = b"\x07\x00\x00\x00\x09" + len(raw).to_bytes(2, "big") + raw
    assert decode_control(data) == Chat(9, "?[2Jhello\nyou")


def test_more_than_a_call_holds_and_descriptions_too_long_are_refused() -> None:
    eight = bytes((9, 0, 0, 0, 1, 8)) + bytes(5 * 8)
    long = bytes((10, 0, 0, 0, 1, 0, 0, 0, 2, 0)) + (1025).to_bytes(2, "big") + bytes(1025)
    neither = bytes((10, 0, 0, 0, 1, 0, 0, 0, 2, 7, 0, 0))
    for data in (eight, long, neither):
        with pytest.raises(IntroductionWrong):
            decode_control(data)
    with pytest.raises(IntroductionWrong):
        encode_control(Relay(1, 2, Step.OFFER, bytes(1025)))
