"""The window: one page for each state a call can be in, and the notices below them."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from app.core.state import (
    Answering,
    CallState,
    Connecting,
    Ended,
    Idle,
    Inviting,
    Notice,
    PreparingAnswer,
    PreparingInvite,
    Talking,
)
from app.gui.bridge import Bridge
from app.gui.call import CallPage
from app.gui.card import Page
from app.gui.ended import EndedPage
from app.gui.home import HomePage
from app.gui.icons import app_icon
from app.gui.invite import AnswerPage, InvitePage, ProgressPage
from app.gui.models import ModelsPage
from app.gui.notice_log import NoticeLog
from app.gui.people import names_of

Clock = Callable[[], float]

_LOOKING = "Undertone is finding out under which addresses this computer can be reached."


class MainWindow(QMainWindow):
    """Follows the bridge's signals from page to page.

    `close_requested` is emitted on the first attempt to close, which is not granted: the call
    must end and the threads stop first. `abandoned` follows the second, which is. `clock` gives
    Unix time, `timer` seconds that never go back.
    """

    close_requested = Signal()
    abandoned = Signal()

    def __init__(
        self,
        bridge: Bridge,
        title: str = "Undertone",
        clock: Clock = time.time,
        timer: Clock = time.monotonic,
    ) -> None:
        super().__init__()
        self._bridge = bridge
        self._title = title
        self._closing = False
        self._may_close = False
        self._leaving = False
        self.home = HomePage(bridge)
        self.models = ModelsPage(bridge)
        self.progress = ProgressPage()
        self.invite = InvitePage(bridge, clock)
        self.answer = AnswerPage(clock)
        self.call = CallPage(bridge, timer)
        self.ended = EndedPage(bridge)
        self.notices = NoticeLog(clock)
        self.pages = QStackedWidget()
        for page in (
            self.progress,
            self.home,
            self.models,
            self.invite,
            self.answer,
            self.call,
            self.ended,
        ):
            self.pages.addWidget(page)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.pages, 1)
        column.addWidget(self.notices)
        middle = QWidget()
        middle.setLayout(column)
        self.setCentralWidget(middle)
        self.setWindowTitle(title)
        self.setWindowIcon(app_icon())
        self.setMinimumSize(QSize(480, 400))
        self.resize(900, 680)
        for page in (self.progress, self.invite, self.answer):
            page.cancel.clicked.connect(self._cancel)
        self.home.model.open.clicked.connect(lambda: self._go(self.models))
        self.models.left.connect(lambda: self._go(self.home))
        bridge.state_changed.connect(self._show_state)
        self.call.people.changed.connect(self._show_names)
        bridge.noticed.connect(self._show_notice)
        bridge.error.connect(self._show_error)
        self.progress.say("Starting Undertone …", "Loading the voice codec.", can_cancel=False)

    @property
    def page(self) -> QWidget | None:
        """The page shown now."""
        return self.pages.currentWidget()

    def show_failure(self, sentence: str) -> None:
        """Undertone cannot start: say why, and leave closing the window to the person."""
        self.progress.say("Undertone cannot start", sentence, can_cancel=False)
        self.pages.setCurrentWidget(self.progress)

    def finish(self) -> None:
        """Close for good."""
        self._may_close = True
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        if self._may_close:
            event.accept()
            return
        if self._closing:
            self._may_close = True
            event.accept()
            self.abandoned.emit()
            return
        self._closing = True
        event.ignore()
        self.progress.say(
            "Closing …", "Ending the call. Close again to quit at once.", can_cancel=False
        )
        self.pages.setCurrentWidget(self.progress)
        self.close_requested.emit()

    def _show_state(self, state: CallState) -> None:
        if self._closing:
            return
        if not isinstance(state, Inviting):
            self.invite.hand_over.expiry.stop()
        if not isinstance(state, Answering):
            self.answer.hand_over.expiry.stop()
        match state:
            case Idle():
                self._go(self.home)
            case PreparingInvite():
                self._wait("Preparing your invite …", _LOOKING)
            case PreparingAnswer():
                self._wait("Preparing your answer …", _LOOKING)
            case Inviting():
                self.invite.show_state(state)
                self._go(self.invite)
            case Answering():
                self.answer.show_state(state)
                self._go(self.answer)
            case Connecting():
                self._wait("Connecting …", "The two computers look for a way to each other.")
            case Talking():
                self.call.show_state(state)
                if self.page is not self.call:  # Else whoever writes would lose the keyboard.
                    self._go(self.call)
            case Ended():
                self._show_end(state)

    def _show_end(self, state: Ended) -> None:
        last = self.call.last_reading
        seconds = self.call.finish()
        self.setWindowTitle(self._title)
        leaving, self._leaving = self._leaving, False
        if leaving and seconds is None and not state.failed:
            self._bridge.reset()  # One who cancelled an invite need not be told that it ended.
            return
        self.ended.show_state(state, seconds, last if seconds is not None else None)
        self._go(self.ended)

    def _wait(self, title: str, words: str) -> None:
        self.progress.say(title, words)
        self._go(self.progress)

    def _go(self, page: Page | CallPage) -> None:
        self._leaving = False
        self.pages.setCurrentWidget(page)
        page.focus_first()

    def _cancel(self) -> None:
        self._leaving = True
        self._bridge.spawn(self._bridge.hang_up())

    def _show_names(self) -> None:
        peers = [peer for peer in self.call.people.peers if peer.name.strip()]
        self.setWindowTitle(f"{names_of(peers)} – {self._title}" if peers else self._title)

    def _show_notice(self, notice: Notice) -> None:
        self.notices.add(notice)

    def _show_error(self, sentence: str) -> None:
        page = self.page
        if isinstance(page, Page | CallPage):
            page.show_error(sentence)
