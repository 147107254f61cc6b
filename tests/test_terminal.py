from __future__ import annotations

import io
from dataclasses import replace

import pytest

from app.core.chat import ChatLine
from app.core.meter import LatencyParts, Meter
from app.core.state import (
    CallReading,
    ChatChanged,
    Ended,
    Inviting,
    Notice,
    PeerChanged,
    PeerJoined,
    PeerLeft,
    PeerView,
    StateChanged,
    Talking,
)
from app.terminal import CannotPrint, NobodyReads, TerminalView, brief, report, say

STRANGER = PeerView(
    1, "", "", muted=False, voice_changed=False, reachable=True, route="direct, IPv4"
)
BOB = replace(STRANGER, name="Bob", model_name="undertone-1")


READING = CallReading(
    bandwidth=Meter(lambda: 0.0).read(),
    outgoing=None,
    incoming=LatencyParts(capture=5.0, network=20.0),
    round_trip_ms=40.0,
    encoder_load=0.1,
    decoder_load=0.1,
    input_level=-20.0,
    output_level=-20.0,
    chunks_played=1,
    chunks_concealed=0,
    chunks_late=0,
    underruns=0,
    input_dropped=0,
    packets_dropped=0,
    wire_measured=True,
)


def said(*news: PeerView | Ended) -> list[str]:
    """What a terminal shows when this is known of the other end or call, one after another."""
    stream = io.StringIO()
    view = TerminalView(stream)
    for each in news:
        view.show(StateChanged(each) if isinstance(each, Ended) else PeerChanged(each))
    return stream.getvalue().splitlines()


def test_the_other_end_is_named_once():
    lines = said(STRANGER, BOB, replace(BOB, route="relayed"), BOB)
    assert lines == ["Talking with Bob (undertone-1, direct, IPv4)."]


def test_messages_are_printed_and_cannot_look_like_what_the_app_says():
    stream = io.StringIO()
    view = TerminalView(stream)
    theirs = ChatLine(1, "Bob", "hello\nError: no.", 0.0)
    own = ChatLine(2, "Ada", "hi", 0.0, own=True, of=1, waiting=1)
    for lines in (
        (theirs,),
        (theirs, own),
        (theirs, replace(own, waiting=0, reached=1)),
        (theirs, replace(own, waiting=0, reached=1)),
        (theirs, replace(own, waiting=0, reached=0, number=3)),
    ):
        view.show(ChatChanged(lines))
    assert stream.getvalue().splitlines() == [
        "Bob writes:",
        "  | hello",
        "  | Error: no.",
        "Delivered:",
        "  | hi",
        "Not delivered:",
        "  | hi",
    ]


def test_a_new_name_is_told():
    assert said(BOB, replace(BOB, name="Robert"))[-1].startswith("Talking with Robert")


def test_one_without_a_name_is_told_too():
    lines = said(STRANGER, replace(STRANGER, model_name="undertone-1"))
    assert lines == ["Talking with someone who gives no name (undertone-1, direct, IPv4)."]


def test_the_other_ends_muting_is_told():
    lines = said(BOB, replace(BOB, muted=True), replace(BOB, muted=True, route="relayed"), BOB)
    assert lines[1:] == ["Bob is muted.", "Bob is no longer muted."]
    assert said(replace(STRANGER, muted=True)) == ["The other side is muted."]


def test_that_the_other_end_is_back_is_told():
    assert said(BOB, replace(BOB, reachable=False), BOB)[1:] == ["Bob is back."]


def test_nothing_of_an_ended_call_is_known_in_the_next():
    lines = said(BOB, replace(BOB, muted=True), Ended("Over.", failed=False), BOB)
    assert lines[3:] == ["Talking with Bob (undertone-1, direct, IPv4)."]


def test_who_leaves_a_call_that_goes_on_is_told():
    stream = io.StringIO()
    view = TerminalView(stream)
    view.show(PeerJoined(STRANGER))
    view.show(PeerChanged(BOB))
    view.show(PeerLeft(BOB, "The other side hung up."))
    assert stream.getvalue().splitlines()[1:] == [
        "Bob is no longer in the call: The other side hung up."
    ]


def test_links_go_to_standard_output_and_words_do_not(capsys):
    stream = io.StringIO()
    view = TerminalView(stream)
    view.show(StateChanged(Inviting("undertone://call/x", 0.0)))
    view.show(Notice("warning", "Careful."))
    view.show(StateChanged(Ended("It broke.", failed=True)))
    assert capsys.readouterr().out == "undertone://call/x\n"
    assert stream.getvalue().splitlines()[1:] == ["Warning: Careful.", "Error: It broke."]


def test_an_invite_for_one_more_is_handed_out_and_the_call_not_begun_anew(capsys):
    stream = io.StringIO()
    view = TerminalView(stream)
    talking = Talking(1.0)
    invite = Inviting("undertone://call/y", 0.0)
    for state in (talking, replace(talking, inviting=invite), talking):
        view.show(StateChanged(state))
    assert capsys.readouterr().out == "undertone://call/y\n"
    assert stream.getvalue().splitlines() == [
        "Connected.",
        "Send this invite to one more, and paste their answer here:",
    ]


def test_a_model_that_is_loaded_is_told_once():
    stream = io.StringIO()
    view = TerminalView(stream)
    for loading in ("", "red", ""):
        view.show(StateChanged(Talking(1.0, loading)))
    assert stream.getvalue().splitlines()[1:] == [
        "Loading the model red, which both sides have …",
        "The model is loaded.",
    ]


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


class Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_a_standard_output_that_cannot_be_written_is_an_error_in_words(monkeypatch):
    monkeypatch.setattr("sys.stdout", Full())
    with pytest.raises(CannotPrint, match="No space left on device"):
        say("a link")
    monkeypatch.setattr("sys.stdout", Closed())
    with pytest.raises(NobodyReads):
        say("a link")


def test_what_is_said_about_a_call_never_ends_it():
    TerminalView(Full()).show(Notice("info", "Nobody will read this."))


def test_what_is_not_known_of_the_delay_is_not_made_up():
    told = report(READING, "The call:")
    assert "delay    out      not known" in told
    assert "in       over 105 ms mouth to ear = capture 5 + chunk 80 + encode –" in told
    assert "mouth to ear – ms" in brief(READING)
    whole = LatencyParts(*range(1, 8))
    assert "mouth to ear 28 ms" in brief(replace(READING, incoming=whole))
    assert "in       28 ms mouth to ear = capture 1 + chunk 2" in report(
        replace(READING, incoming=whole), "The call:"
    )
