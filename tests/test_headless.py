from __future__ import annotations

import io
import json
import queue
from concurrent.futures import CancelledError, Future
from dataclasses import replace

import pytest

from app.core.chat import NobodyToWriteTo
from app.core.session import NoCall
from app.core.state import (
    Answering,
    Connecting,
    Ended,
    Inviting,
    Notice,
    PeerChanged,
    PeerView,
    StateChanged,
    Talking,
)
from app.headless import HeadlessCall, NoAnswer, NoEnd
from app.report import ReportFile, ReportNotWritable
from app.terminal import TerminalView
from tests.still_peer import StillPeer, done
from tests.test_terminal import READING

INVITE = Inviting("undertone://call/x", 0.0)


class Staged(StillPeer):
    """A peer whose events go to a queue, as a headless call wants them."""

    def __init__(self) -> None:
        self.happened: queue.SimpleQueue = queue.SimpleQueue()
        super().__init__(None, None, None, self.happened.put, loopback=True)
        self.state = INVITE

    def go(self, state) -> None:
        self.state = state
        self.listen(StateChanged(state))

    def hang_up(self) -> Future:
        if self.hung_up.done() and self.hung_up.exception() is None:
            self.go(Ended("You hung up.", failed=False))
        return super().hang_up()


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def peer(monkeypatch) -> Staged:
    monkeypatch.setattr("app.headless._CLOSE_SECONDS", 0.1)
    return Staged()


@pytest.fixture
def call(peer, said) -> HeadlessCall:
    return HeadlessCall(peer, TerminalView(said), peer.happened, seconds=None)


def test_a_sound_that_dies_hangs_up_with_status_1(peer, call, said):
    peer.go(Talking(0.0))
    peer.listen(Notice("error", "Your voice is no longer sent: why."))
    assert call.run("undertone://call/x") == 1
    assert peer.asked == ["hang up"]
    assert said.getvalue().count("no longer sent") == 1


def test_a_warning_ends_nothing(peer, call):
    peer.go(Talking(0.0))
    peer.listen(Notice("warning", "The microphone was unplugged."))
    peer.go(Ended("Bob hung up.", failed=False))
    assert call.run("undertone://call/x") == 0
    assert peer.asked == []


def test_when_both_hang_up_at_once_the_call_ended_well(peer, call):
    """The other side's goodbye comes between the decision to hang up and doing so."""
    peer.hung_up = done(error=NoCall())
    peer.go(Talking(0.0))
    peer.listen(Notice("error", "The other end can no longer be heard: why."))
    peer.go(Ended("Bob hung up.", failed=False))
    assert call.run("undertone://call/x") == 1


def test_a_network_that_does_not_answer_cannot_hold_the_program(peer, call):
    peer.hung_up = Future()
    peer.go(Talking(0.0))
    peer.listen(Notice("error", "Your voice is no longer sent: why."))
    with pytest.raises(NoEnd):
        call.run("undertone://call/x")


def test_an_end_while_joining_is_no_traceback(peer, call):
    peer.link = done(error=CancelledError())
    peer.go(Ended("Nobody can be reached.", failed=True))
    assert call.run("undertone://call/x") == 1


def test_so_many_are_invited_one_after_another(peer, said, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    made = []

    def invite_another() -> Future:
        made.append(len(made))
        return done()

    peer.invite_another = invite_another
    call = HeadlessCall(peer, TerminalView(said), peer.happened, seconds=None, more=2)
    peer.go(Talking(0.0))
    for peer_id in (1, 1, 2, 3):
        view = PeerView(peer_id, "Bob", "small", False, False, True, "")
        peer.listen(PeerChanged(replace(view, model_name="")))
        peer.listen(PeerChanged(view))
    peer.go(Ended("Bob hung up.", failed=False))
    peer.state = Talking(0.0)  # as it is while the events are looked at
    assert call.run("undertone://call/x") == 0
    assert made == [0, 1]


def test_standard_input_that_ends_without_an_answer(peer, call, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    with pytest.raises(NoAnswer):
        call.run(None)


def test_standard_input_may_end_after_the_answer(peer, call, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("undertone://answer/x\n"))

    def accept(link) -> Future:
        peer.go(Connecting())
        peer.go(Ended("Bob hung up.", failed=False))
        return done()

    peer.accept_answer = accept
    assert call.run(None) == 0


def test_any_bytes_may_be_pasted(peer, call, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(b"\xff\xfe\n"), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", stdin)
    pasted = []

    def accept(link) -> Future:
        pasted.append(link)
        peer.go(Ended("Enough.", failed=False))
        return done()

    peer.accept_answer = accept
    peer.state = Answering("", 0.0)
    assert call.run(None) == 0
    assert pasted == ["\ufffd\ufffd\n"]


def test_the_report_has_the_meters_of_the_end(peer, said, tmp_path):
    file = tmp_path / "report.jsonl"
    peer.reading = lambda: READING
    call = HeadlessCall(peer, TerminalView(said), peer.happened, None, ReportFile(file))
    peer.go(Talking(0.0))
    peer.go(Ended("Bob hung up.", failed=False))
    assert call.run("undertone://call/x") == 0
    last = json.loads(file.read_text().splitlines()[-1])
    assert last["at"] > 0
    assert last["bandwidth"]["wire_up_total"] == READING.bandwidth.wire_up_total
    assert last["incoming"]["network"] == 20.0


def test_a_report_that_cannot_be_written_is_told_before_anyone_is_called(tmp_path):
    with pytest.raises(ReportNotWritable, match="directory"):
        ReportFile(tmp_path)


def test_a_report_that_fails_in_mid_call_ends_nothing(peer, said, tmp_path):
    (tmp_path / "folder").mkdir()
    report_to = ReportFile(tmp_path / "folder" / "report.jsonl")
    (tmp_path / "folder" / "report.jsonl").unlink()
    (tmp_path / "folder").rmdir()
    peer.reading = lambda: READING
    call = HeadlessCall(peer, TerminalView(said), peer.happened, None, report_to)
    peer.go(Talking(0.0))
    peer.go(Ended("Bob hung up.", failed=False))
    assert call.run("undertone://call/x") == 1
    assert "The report" in said.getvalue()


def test_with_chat_lines_are_messages_once_connected(peer, said, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("hello\n\nundertone://call/y\n"))
    call = HeadlessCall(peer, TerminalView(said), peer.happened, seconds=None, chat=True)
    taken = []

    def write(text) -> Future:
        taken.append(("chat", text))
        return done()

    def accept(link) -> Future:
        taken.append(("link", link))
        peer.go(Ended("Enough.", failed=False))
        return done()

    peer.send_chat, peer.accept_answer = write, accept
    peer.go(Talking(0.0))
    assert call.run("undertone://call/x") == 0
    assert taken == [("chat", "hello\n"), ("link", "undertone://call/y\n")]


def test_without_chat_standard_input_is_a_scripts_own(peer, call, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("a secret\n"))
    peer.send_chat = lambda text: pytest.fail("sent")
    peer.go(Talking(0.0))
    peer.listen(Notice("info", "Something."))
    peer.go(Ended("Bob hung up.", failed=False))
    assert call.run("undertone://call/x") == 0


def test_a_message_that_was_not_taken_is_told_and_the_call_goes_on(peer, said, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("hello\n"))
    call = HeadlessCall(peer, TerminalView(said), peer.happened, seconds=None, chat=True)

    def write(text) -> Future:
        peer.go(Ended("Bob hung up.", failed=False))
        return done(error=NobodyToWriteTo())

    peer.send_chat = write
    peer.go(Talking(0.0))
    assert call.run("undertone://call/x") == 0
    assert "Error: There is nobody to write to" in said.getvalue()
