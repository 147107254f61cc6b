"""The pages on the way into a call: the invite to send, the answer to send back, the waiting."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout

from app.core.state import Answering, Inviting
from app.gui.bridge import Bridge
from app.gui.buttons import CopyButton, IconButton
from app.gui.card import Card, Page, Text, caption, heading
from app.gui.link import LinkBox, LinkField
from app.gui.words import countdown

Clock = Callable[[], float]


class Expiry(Text):
    """How long a link is good for, counted down each second. `clock` gives Unix time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(shade="soft")
        self._clock = clock
        self._expires_at: float | None = None
        self._tick = QTimer(self, interval=1000)
        self._tick.timeout.connect(self.refresh)

    def start(self, expires_at: float) -> None:
        """Count down to a Unix time."""
        self._expires_at = expires_at
        self.refresh()
        self._tick.start()

    def stop(self) -> None:
        """Count no more."""
        self._tick.stop()

    def refresh(self) -> None:
        """Show what is left now."""
        if self._expires_at is not None:
            left = self._expires_at - self._clock()
            self.setText(countdown(left))
            self.set_shade("soft" if left > 60 else "warning")


class HandOver(Card):
    """A link, its copy button and its remaining life."""

    def __init__(self, title: str, explained: str, what: str, clock: Clock) -> None:
        super().__init__(title)
        self.box = LinkBox(f"The {what} link")
        self.copy = CopyButton(f"{what} link")
        self.expiry = Expiry(clock)
        self.column.addWidget(caption(explained))
        self.column.addWidget(self.box)
        row = QHBoxLayout()
        row.addWidget(self.expiry, 1)
        row.addWidget(self.copy)
        self.column.addLayout(row)

    def show_link(self, link: str, expires_at: float) -> None:
        """Show a link good until a Unix time."""
        self.box.setPlainText(link)
        self.copy.set_text_to_copy(link)
        self.expiry.start(expires_at)


class InvitePage(Page):
    """The inviter's two steps: send the invite, paste the answer."""

    def __init__(self, bridge: Bridge, clock: Clock = time.time) -> None:
        super().__init__("Invite", 620)
        self._bridge = bridge
        self.hand_over = HandOver(
            "1.  Send this invite",
            "Send the link to the person you want to talk with, over any channel you trust. "
            "It works once, for one person.",
            "invite",
            clock,
        )
        self.answer = LinkField("Answer link", "Paste the answer you get back", "Connect", "call")
        self.answer.entered.connect(self._accept)
        step = Card("2.  Paste their answer")
        step.column.addWidget(
            caption("They open the invite in Undertone and send you an answer link back.")
        )
        step.column.addWidget(self.answer)
        self.column.addWidget(heading("Your invite is ready", 1.6))
        self.column.addWidget(self.hand_over)
        self.column.addWidget(step)
        self.cancel = cancel_button(self)

    def show_state(self, state: Inviting) -> None:
        """Show an invite."""
        self.answer.clear()
        self.hand_over.show_link(state.link, state.expires_at)

    def show_error(self, sentence: str) -> None:
        self.answer.refuse(sentence)

    def focus_first(self) -> None:
        self.hand_over.copy.setFocus()

    def _accept(self, link: str) -> None:
        self._bridge.spawn(self._bridge.accept_answer(link))


class AnswerPage(Page):
    """The one invited hands the answer back and waits."""

    def __init__(self, clock: Clock = time.time) -> None:
        super().__init__("Answer", 620)
        self.hand_over = HandOver(
            "Send this answer back",
            "Send the link to the one who invited you. The call begins by itself as soon as they "
            "have pasted it.",
            "answer",
            clock,
        )
        self.column.addWidget(heading("Almost there", 1.6))
        self.column.addWidget(self.hand_over)
        waiting = Card()
        waiting.column.addWidget(
            Text("Waiting for the other side to paste your answer …", wrap=True)
        )
        waiting.column.addWidget(busy_bar("Waiting for the other side"))
        self.column.addWidget(waiting)
        self.cancel = cancel_button(self)

    def show_state(self, state: Answering) -> None:
        """Show an answer."""
        self.hand_over.show_link(state.link, state.expires_at)

    def focus_first(self) -> None:
        self.hand_over.copy.setFocus()


class ProgressPage(Page):
    """Something takes a moment; it can be cancelled."""

    def __init__(self) -> None:
        super().__init__("Please wait", 520)
        self._title = heading("", 1.4)
        self._title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title.setWordWrap(True)
        self._words = caption()
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        card = Card()
        inside = QVBoxLayout()
        inside.setSpacing(14)
        inside.addWidget(self._title)
        inside.addWidget(busy_bar("In progress"))
        inside.addWidget(self._words)
        card.column.setContentsMargins(28, 32, 28, 32)
        card.column.addLayout(inside)
        self.column.addStretch(1)
        self.column.addWidget(card)
        self.cancel = cancel_button(self)

    def say(self, title: str, words: str, can_cancel: bool = True) -> None:
        """What is going on."""
        self._title.setText(title)
        self._words.setText(words)
        self._words.setVisible(bool(words))
        self.setAccessibleName(title)
        self.cancel.setVisible(can_cancel)

    @property
    def title(self) -> str:
        """What is said."""
        return self._title.text()

    def focus_first(self) -> None:
        self.cancel.setFocus()


def busy_bar(name: str) -> QProgressBar:
    """A bar that moves for as long as nobody knows how long it takes."""
    bar = QProgressBar()
    bar.setRange(0, 0)
    bar.setTextVisible(False)
    bar.setAccessibleName(name)
    return bar


def cancel_button(page: Page) -> IconButton:
    """A "Cancel" below what is on a page."""
    button = IconButton("Cancel", "close", "quiet")
    row = QHBoxLayout()
    row.addStretch(1)
    row.addWidget(button)
    row.addStretch(1)
    page.column.addLayout(row)
    page.column.addStretch(1)
    return button
