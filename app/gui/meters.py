"""The meters of a call: what it costs, how late it is, how well it goes, how loud it is.

Each is a card that takes a `CallReading`, or None when there is none, and shows figures that were
counted; what nobody knows is a dash.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from app.core.state import CallReading
from app.gui.bars import LevelBar, LoadBar
from app.gui.card import Card, Figures, Text, caption
from app.gui.latency_bar import (
    PART_NAMES,
    LatencyBar,
    Swatch,
    bar_scale,
    parts_of,
    total_in_words,
)
from app.gui.peers_meter import profiles_in_words
from app.gui.sparkline import LineSample, Sparkline
from app.gui.words import UNKNOWN, beside_opus, count, decibels, kbit, milliseconds, percent
from app.net.cost import OPUS_KBIT, OPUS_SECONDS

_OPUS = (
    f"{OPUS_KBIT:.0f} kbit/s of Opus in packets of {OPUS_SECONDS * 1000:.0f} ms, each with the "
    "headers of RTP, SRTP, UDP and IPv4, both ways and without a pause."
)
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def _grid(card: Card) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(7)
    card.column.addLayout(grid)
    return grid


class RateMeter(Card):
    """Codes, payload and wire in kbit/s, each way: the figures of now, and their last minute."""

    _ROWS = (
        ("codes", "Codes", "The speech itself"),
        ("payload", "Payload", "Messages: codes, their headers, repeated codes, control messages"),
        ("wire", "Wire", "Everything on the network, with encryption and IP headers"),
    )

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__("Bit rate")
        self.figures: dict[str, Figures] = {}
        self.lines: dict[str, Sparkline] = {}
        self.names: dict[str, Text] = {}
        self.column.addLayout(self._legend())
        grid = _grid(self)
        grid.setColumnStretch(3, 1)
        for column, title in ((1, "up"), (2, "down")):
            grid.addWidget(Text(title, shade="soft"), 0, column, _RIGHT)
        grid.addWidget(Text("last minute", shade="soft"), 0, 3, Qt.AlignmentFlag.AlignCenter)
        for row, (key, name, meaning) in enumerate(self._ROWS, 1):
            self.names[key] = Text(name)
            self.names[key].setToolTip(meaning)
            grid.addWidget(self.names[key], row, 0)
            for column, way in ((1, "up"), (2, "down")):
                figure = Figures("00.00", scale=1.08, strong=True)
                figure.setToolTip(meaning)
                self.figures[f"{key}_{way}"] = figure
                grid.addWidget(figure, row, column)
            self.lines[key] = Sparkline(name, clock)
            grid.addWidget(self.lines[key], row, 3)
            grid.setRowStretch(row, 1)
        self.profile = caption()
        self.beside_opus = caption()
        self.beside_opus.setToolTip(_OPUS)
        self.column.addWidget(self.profile)
        self.column.addWidget(self.beside_opus)
        self._say(None)

    def _legend(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(caption("kbit/s", wrap=False))
        row.addStretch(1)
        for dashed, word in ((False, "up"), (True, "down")):
            row.addWidget(LineSample(dashed))
            row.addWidget(caption(word, wrap=False))
        return row

    def show_reading(self, reading: CallReading | None) -> None:
        """Show the rates of a reading, and append them to the lines."""
        for key, name, _ in self._ROWS:
            rates = {
                way: getattr(reading.bandwidth, f"{key}_{way}") if reading else None
                for way in ("up", "down")
            }
            for way, rate in rates.items():
                figure = self.figures[f"{key}_{way}"]
                figure.setText(kbit(rate))
                figure.setAccessibleName(f"{name} {way}: {kbit(rate)} kbit/s")
            if reading is not None:
                self.lines[key].add(rates["up"], rates["down"])
        self._say(reading)
        computed = reading is not None and not reading.wire_measured
        self.names["wire"].setText("Wire (computed)" if computed else "Wire")

    def _say(self, reading: CallReading | None) -> None:
        peers = reading.peers if reading else ()
        took = sum(p.bandwidth.wire_up_total + p.bandwidth.wire_down_total for p in peers)
        self.beside_opus.setText(beside_opus(took, sum(p.bandwidth.seconds for p in peers)))
        self.beside_opus.setVisible(bool(took))
        self.profile.setVisible(len(peers) == 1)
        if len(peers) == 1:
            self.profile.setText(f"Profile, to them / from them: {profiles_in_words(peers[0])}")

    def clear(self) -> None:
        """Forget the last call."""
        self.show_reading(None)
        for line in self.lines.values():
            line.clear()


class LatencyMeter(Card):
    """Mouth to ear, both ways, cut into its parts."""

    def __init__(self) -> None:
        super().__init__("Latency, mouth to ear")
        self.totals: dict[str, Text] = {}
        self.bars: dict[str, LatencyBar] = {}
        self.parts: dict[tuple[str, str], Figures] = {}
        self._ways: dict[str, Text] = {}
        for way, title in (("outgoing", "You are heard after"), ("incoming", "You hear after")):
            row = QHBoxLayout()
            self._ways[way] = Text(title)
            self.totals[way] = Text(UNKNOWN, scale=1.08, strong=True)
            row.addWidget(self._ways[way])
            row.addStretch(1)
            row.addWidget(self.totals[way])
            self.bars[way] = LatencyBar(title)
            self.column.addLayout(row)
            self.column.addWidget(self.bars[way])
        grid = _grid(self)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        grid.addWidget(Text("to them", shade="soft"), 0, 2, _RIGHT)
        grid.addWidget(Text("to you", shade="soft"), 0, 3, _RIGHT)
        for row_index, (part, name) in enumerate(PART_NAMES.items(), 1):
            grid.addWidget(Swatch(part), row_index, 0)
            grid.addWidget(Text(name), row_index, 1)
            for column, way in ((2, "outgoing"), (3, "incoming")):
                self.parts[way, part] = Figures("000 ms")
                grid.addWidget(self.parts[way, part], row_index, column)
        self.column.addStretch(1)

    def show_reading(self, reading: CallReading | None) -> None:
        """Show both latencies of a reading, drawn to one scale."""
        both = {
            "outgoing": reading.outgoing if reading else None,
            "incoming": reading.incoming if reading else None,
        }
        longest = max((way.mouth_to_ear for way in both.values() if way), default=0.0)
        for way, latency in both.items():
            self.totals[way].setText(total_in_words(latency))
            self.bars[way].show_latency(latency, bar_scale(longest))
            for part, figure in parts_of(latency).items():
                self.parts[way, part].setText(milliseconds(figure))
                self.parts[way, part].setAccessibleName(
                    f"{PART_NAMES[part]}, {way}: {milliseconds(figure)}"
                )

    def clear(self) -> None:
        """Forget the last call."""
        self.show_reading(None)


class QualityMeter(Card):
    """What was lost on the way, and whether this machine keeps up."""

    _ROWS = (
        ("loss", "Loss, last seconds", "Share of 80 ms pieces that had to be replaced by a guess"),
        ("concealed", "Pieces concealed", "80 ms pieces that were not there when they were due"),
        ("late", "Pieces too late", "Pieces that came after they had been concealed"),
        ("underruns", "Gaps at the loudspeaker", "How often the loudspeaker had nothing to play"),
        ("dropped", "Microphone samples lost", "Sound the encoder did not fetch in time"),
        ("unsent", "Packets not sent", "Dropped because the network did not take them in time"),
        ("round_trip", "Round trip", "The way to the other end and back"),
    )

    def __init__(self) -> None:
        super().__init__("Quality")
        self.figures: dict[str, Figures] = {}
        self.loads = {"encoder": LoadBar("Encoder load"), "decoder": LoadBar("Decoder load")}
        self.load_figures: dict[str, Figures] = {}
        grid = _grid(self)
        grid.setColumnStretch(1, 1)
        for row, (key, name, meaning) in enumerate(self._ROWS):
            label = Text(name)
            label.setToolTip(meaning)
            self.figures[key] = Figures("00.0 %")
            grid.addWidget(label, row, 0, 1, 2)
            grid.addWidget(self.figures[key], row, 2)
        self._names = {key: name for key, name, _ in self._ROWS}
        for row, (key, bar) in enumerate(self.loads.items(), len(self._ROWS)):
            self.load_figures[key] = Figures("00.0 %")
            bar.setToolTip("Share of one processor core; above 100 % it cannot keep up")
            grid.addWidget(Text(f"{key.capitalize()} load"), row, 0)
            grid.addWidget(bar, row, 1)
            grid.addWidget(self.load_figures[key], row, 2)
        self._warning = caption()
        self._warning.set_shade("danger")
        self._warning.hide()
        self.column.addWidget(self._warning)
        self.column.addStretch(1)

    @property
    def warning(self) -> str:
        """What is said about a machine that is too slow; empty when it keeps up."""
        return "" if self._warning.isHidden() else self._warning.text()

    def show_reading(self, reading: CallReading | None) -> None:
        """Show the counts and loads of a reading."""
        heard = reading is not None and reading.chunks_played + reading.chunks_concealed > 0
        texts = {
            "loss": percent(reading.bandwidth.loss if reading and heard else None),
            "concealed": count(reading.chunks_concealed if reading else None),
            "late": count(reading.chunks_late if reading else None),
            "underruns": count(reading.underruns if reading else None),
            "dropped": count(reading.input_dropped if reading else None),
            "unsent": count(reading.packets_dropped if reading else None),
            "round_trip": milliseconds(reading.round_trip_ms if reading else None),
        }
        for key, text in texts.items():
            self.figures[key].setText(text)
            self.figures[key].setAccessibleName(f"{self._names[key]}: {text}")
        loads = {
            "encoder": reading.encoder_load if reading else None,
            "decoder": reading.decoder_load if reading else None,
        }
        for key, load in loads.items():
            self.loads[key].show_load(load)
            self.load_figures[key].setText(percent(load))
        slow = [key for key, load in loads.items() if load is not None and load >= 1.0]
        self._warning.setVisible(bool(slow))
        if slow:
            self._warning.setText(
                f"This computer is too slow for the {' and the '.join(slow)}: expect gaps. "
                "Closing other programs may help."
            )

    def clear(self) -> None:
        """Forget the last call."""
        self.show_reading(None)


class LevelMeters(QWidget):
    """How loud the own microphone and the other's voice are."""

    def __init__(self) -> None:
        super().__init__()
        self.bars = {"input": LevelBar("Your microphone"), "output": LevelBar("Their voice")}
        self.figures: dict[str, Figures] = {}
        self._muted = False
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(7)
        grid.setColumnStretch(1, 1)
        for row, (key, bar) in enumerate(self.bars.items()):
            self.figures[key] = Figures("−00 dBFS")
            grid.addWidget(Text(bar.accessibleName()), row, 0)
            grid.addWidget(bar, row, 1)
            grid.addWidget(self.figures[key], row, 2)
        for figure in self.figures.values():
            figure.setToolTip("dBFS: 0 dB is as loud as can be; the mark is the recent peak")

    def set_muted(self, muted: bool) -> None:
        """Say that nothing of the microphone is sent."""
        self._muted = muted

    def show_reading(self, reading: CallReading | None) -> None:
        """Show both levels of a reading."""
        levels = {
            "input": reading.input_level if reading and not self._muted else None,
            "output": reading.output_level if reading else None,
        }
        for key, level in levels.items():
            self.bars[key].show_level(level)
            self.figures[key].setText(decibels(level))
        if reading and self._muted:
            self.figures["input"].setText("muted")

    def clear(self) -> None:
        """Forget the last call."""
        self.show_reading(None)
