"""One model on the page of the models: what it is, how it stands, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from app.core.models import ModelProgress, ModelView
from app.gui.buttons import IconButton
from app.gui.card import Card, Text, caption, heading
from app.gui.icons import IconMark
from app.gui.words import duration

_STEPS = 1000
_SURE_MS = 5000
_LARGE_OCTETS = 500_000_000
LARGE = (
    "It has thirty times the weights of the bundled model. Whether this computer keeps up, the "
    "load meters of a call tell."
)


def megabytes(octets: int) -> str:
    """A size on disk: "996 MB", "8.3 MB"."""
    mega = octets / 1e6
    return f"{mega:.0f} MB" if mega >= 100 else f"{mega:.1f} MB"


def facts(model: ModelView) -> str:
    """Rate, size, licence and version in a line."""
    about = "" if model.octets_exact else "about "
    parts = [
        f"{model.kbit:.2f} kbit/s",
        f"{about}{megabytes(model.octets)}",
        f"licence: {model.licence}",
    ]
    if model.revision:
        parts.append(f"version {model.revision[:8]}")
    return "  ·  ".join(parts)


def figures(model: ModelView) -> str:
    """How well speech survives it, and who says so; "" where nobody does."""
    quality = model.quality
    if quality is None:
        return ""
    natural = "" if quality.utmos is None else f"naturalness (UTMOS) {quality.utmos:.2f}, "
    words = (
        f"{natural}words wrong {100 * quality.dwer:.2f} %, voice similarity "
        f"{100 * quality.similarity:.1f} %: {quality.source}."
    )
    return words[0].upper() + words[1:]


def progress_in_words(progress: ModelProgress) -> str:
    """What is being done, how far it is, how fast, and how long it may take."""
    word = {
        "asking": "Asking the server",
        "downloading": "Downloading",
        "copying": "Copying",
        "checking": "Checking every byte",
        "loading": "Loading it to see whether it is whole",
        "preparing": "Preparing it for this computer",
    }[progress.step]
    if progress.waiting:
        return f"{word}: broken off, trying again in {progress.waiting:.0f} s …"
    if not progress.total:
        return f"{word} …"
    parts = [f"{word}: {megabytes(progress.done)} of {megabytes(progress.total)}"]
    if progress.speed:
        left = (progress.total - progress.done) / progress.speed
        parts.append(f"{progress.speed / 1e6:.2f} MB/s")
        parts.append(f"{duration(left)} left")
    return ", ".join(parts)


class WorkBar(QWidget):
    """How far the work on a model is, with a button to stop it (`stopped`)."""

    stopped = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress")
        self.words = caption(wrap=False)
        self.stop = IconButton("Stop", "close", "quiet")
        self.stop.clicked.connect(self._stop)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.words, 2)
        row.addWidget(self.bar, 1, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.stop)
        self.hide()

    def show_progress(self, progress: ModelProgress | None) -> None:
        """Show how far it is; None is nothing to show."""
        if progress is None:
            self.hide()
            self.stop.setEnabled(True)
            return
        if progress.total:
            self.bar.setRange(0, _STEPS)
            self.bar.setValue(round(_STEPS * progress.done / progress.total))
        else:
            self.bar.setRange(0, 0)
        if self.stop.isEnabled():
            self.words.setText(progress_in_words(progress))
        self.show()

    def _stop(self) -> None:
        self.stop.setEnabled(False)
        self.words.setText("Stopping …")
        self.stopped.emit()


class ModelCard(Card):
    """A model. What the person wants is a signal: `used`, `wanted` (to have), `removed`."""

    used = Signal(str)
    wanted = Signal(str)
    removed = Signal(str)
    stopped = Signal()

    def __init__(self, model: ModelView) -> None:
        super().__init__()
        self.model = model
        self._chosen = self._busy = self._coming = False
        self.title = heading(model.title)
        self.mark = IconMark("check", "accent")
        self.state = Text(shade="soft")
        self.facts = caption()
        self.figures = caption()
        self.remark = caption(LARGE)
        self.problem = Text(shade="danger", wrap=True)
        self.work = WorkBar()
        self.work.stopped.connect(self.stopped)
        self.use = IconButton("Use from the next call on", "check")
        self.get = IconButton("Download", "chevron-down")
        self.remove = IconButton("Remove", "close", "quiet")
        self.use.clicked.connect(lambda: self.used.emit(self.model.name))
        self.get.clicked.connect(lambda: self.wanted.emit(self.model.name))
        self.remove.clicked.connect(self._remove)
        self._sure = QTimer(self, singleShot=True, interval=_SURE_MS)
        self._sure.timeout.connect(self._show)
        self._lay_out()
        self._show()

    def show_model(self, model: ModelView) -> None:
        """Show how it stands now."""
        self.model = model
        self._show()

    def show_chosen(self, chosen: bool) -> None:
        """Show whether it is the one used from the next call on."""
        self._chosen = chosen
        self._show()

    def show_work(self, progress: ModelProgress | None) -> None:
        """Show what is being done: to this model, to another, or nothing."""
        self._busy = progress is not None
        self._coming = progress is not None and progress.name == self.model.name
        self.work.show_progress(progress if self._coming else None)
        self._show()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(self.title)
        top.addStretch(1)
        top.addWidget(self.mark)
        top.addWidget(self.state)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.use)
        buttons.addWidget(self.get)
        buttons.addStretch(1)
        buttons.addWidget(self.remove)
        self.column.setSpacing(8)
        self.column.addLayout(top)
        for widget in (self.facts, self.figures, self.remark, self.problem, self.work):
            self.column.addWidget(widget)
        self.column.addLayout(buttons)

    def _show(self) -> None:
        model = self.model
        usable = model.on_disk and not model.problem
        self._sure.stop()
        self.setAccessibleName(model.title)
        self.title.setText(model.title)
        self.state.setText(self._state())
        self.mark.setVisible(self._chosen)
        self.facts.setText(facts(model))
        self.figures.setText(figures(model))
        self.figures.setVisible(model.quality is not None)
        self.remark.setVisible(model.octets > _LARGE_OCTETS)
        self.problem.setText(model.problem)
        self.problem.setVisible(bool(model.problem))
        self.use.setVisible(usable and not self._chosen)
        self.get.setText("Go on downloading" if model.partial else "Download")
        self.get.setVisible(model.kind == "published" and not usable and not self._coming)
        self.get.setEnabled(not self._busy)
        self.remove.setText("Remove")
        self.remove.setVisible(model.removable and not self._chosen)
        self.remove.setEnabled(not self._busy)

    def _state(self) -> str:
        model = self.model
        if model.problem:
            return "Damaged"
        if self._chosen:
            return "In use"
        if model.on_disk:
            return "On this computer"
        if model.partial:
            return f"{megabytes(model.partial)} of it are here"
        return "Not on this computer"

    def _remove(self) -> None:
        """The first press asks, the second does it."""
        if self._sure.isActive():
            self._show()
            self.removed.emit(self.model.name)
            return
        octets = self.model.octets if self.model.on_disk else self.model.partial
        self.remove.setText(f"Press again to remove {megabytes(octets)}")
        self._sure.start()
