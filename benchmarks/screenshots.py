"""Pictures of every page, light and dark, with a stand-in for the engine ("staged").

    python -m benchmarks.screenshots FOLDER [--size 900x680] [--font 1.0] [--platform offscreen]

The figures in them are invented; pictures of real calls come from the demo.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path


def main() -> None:
    """Parse the arguments, take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default="900x680")
    parser.add_argument("--font", type=float, default=1.0, help="size of the text")
    parser.add_argument("--scale", default="1", help="QT_SCALE_FACTOR")
    parser.add_argument("--platform", default="offscreen", help="QT_QPA_PLATFORM")
    options = parser.parse_args()
    os.environ["QT_QPA_PLATFORM"] = options.platform
    os.environ["QT_SCALE_FACTOR"] = options.scale
    options.folder.mkdir(parents=True, exist_ok=True)
    width, height = map(int, options.size.split("x"))
    for picture in take(options.folder, width, height, options.font):
        print(picture)


def take(folder: Path, width: int, height: int, font_scale: float) -> list[Path]:
    """Take the pictures; their paths."""
    # Qt reads the environment set above when it is first imported.
    from PySide6.QtWidgets import QApplication

    import qasync  # isort: skip

    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    app.setQuitOnLastWindowClosed(False)
    font = app.font()
    font.setPointSizeF(font.pointSizeF() * font_scale)
    app.setFont(font)
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
        return runner.run(_all(app, folder, width, height))


async def _all(app: object, folder: Path, width: int, height: int) -> list[Path]:
    pictures = []
    for scheme in ("light", "dark"):
        pictures += await _scenes(app, folder, scheme, width, height)
    return pictures


async def _scenes(app, folder: Path, scheme: str, width: int, height: int) -> list[Path]:  # type: ignore[no-untyped-def]
    from app.core.state import Connecting, Ended, Notice, PeerChanged
    from app.gui.bridge import Bridge
    from app.gui.main_window import MainWindow
    from app.gui.theme import Theme
    from benchmarks.staged_engine import ANSWER, INVITE, PEER, StagedEngine, StagedError
    from benchmarks.staged_engine import staged_reading as reading

    theme = Theme(app, scheme)  # type: ignore[arg-type]
    seconds = [0.0]
    bridge = Bridge()
    window = MainWindow(bridge, "Undertone (staged)", timer=lambda: seconds[0])
    window.resize(width, height)
    window.show()
    taken: list[Path] = []

    async def grab(name: str) -> None:
        await asyncio.sleep(0.15)
        path = folder / f"{name}-{scheme}.png"
        window.grab().save(str(path))
        taken.append(path)

    async def act(step: Callable[[], Awaitable[object]] | None = None) -> None:
        if step is not None:
            await step()
        await asyncio.sleep(0.05)

    await grab("0-starting")
    made: list[StagedEngine] = []

    def make(listen):  # type: ignore[no-untyped-def]
        made.append(StagedEngine(listen, expires_at=time.time() + 840))
        return made[0]

    await bridge.start(make)
    engine = made[0]
    await bridge.refresh_devices()
    await grab("1-home")
    await _models(engine, window, grab)
    window.home.invite.line.setText("https://example.org/not-a-link")
    engine.refusals["create_call"] = StagedError()
    await grab("1-home-warned")
    engine.refusals.clear()
    await act(bridge.create_call)
    await grab("2-invite")
    window.invite.answer.line.setText(ANSWER)
    engine.refusals["accept_answer"] = StagedError()
    await act(lambda: bridge.accept_answer(ANSWER))
    await grab("2-invite-refused")
    engine.refusals.clear()
    await act(lambda: bridge.join(INVITE))
    await grab("3-answer")
    engine.go(Connecting())
    await grab("4-connecting")
    engine.talk(replace(PEER, name=""))
    await act()
    await grab("5-call-unknown")
    engine.tell(PeerChanged(PEER))
    for tenth in range(600):
        seconds[0] = tenth / 10
        engine.shown = reading(tenth / 10)
        bridge.reading_changed.emit(engine.shown)
    await grab("5-call")
    bar = window.call._meters.verticalScrollBar()
    bar.setValue(bar.maximum())
    await grab("5-call-below")
    bar.setValue(0)
    await _group(engine, window, grab)
    await _chat(engine, window, grab)
    bridge.set_muted(True)
    engine.tell(PeerChanged(replace(PEER, reachable=False, muted=True, silent_for=3.2)))
    engine.shown = replace(reading(60), wire_measured=False, encoder_load=1.2, outgoing=None)
    engine.tell(Notice("info", "The microphone “Headset” is used now."))
    engine.tell(Notice("warning", "Nothing came from the other side for 4 s."))
    window.notices.toggle.setChecked(True)
    await grab("5-call-trouble")
    window.notices.toggle.setChecked(False)
    engine.shown = reading(60)
    await asyncio.sleep(0.15)
    engine.go(Ended("Ben hung up.", False))
    await grab("6-ended")
    engine.go(Ended("No way was found between the two computers. Try a TURN relay.", True))
    await grab("6-failed")
    await bridge.close(1)
    window.finish()
    theme.leave()
    return taken


async def _group(engine, window, grab) -> None:  # type: ignore[no-untyped-def]
    """Four in a call, and an invite for one more."""
    from app.core.state import Inviting, PeerJoined, PeerLeft
    from benchmarks.staged_engine import INVITE, OTHERS

    for peer in OTHERS:
        engine.tell(PeerJoined(peer))
    await grab("5-call-group")
    talking = engine.state
    engine.go(replace(talking, inviting=Inviting(INVITE, time.time() + 840)))
    await grab("5-call-group-inviting")
    engine.go(talking)
    for peer in OTHERS:
        engine.tell(PeerLeft(peer, "They hung up."))


async def _chat(engine, window, grab) -> None:  # type: ignore[no-untyped-def]
    """The chat: a message nobody has seen, then all kinds of messages and marks."""
    from benchmarks.staged_engine import StagedError

    call = window.call
    engine.hear("Can you hear me?")
    await grab("8-chat-unread")
    call.chat_button.click()
    await grab("8-chat")
    engine.say("Yes, well enough. The harbour office says the ice is out until Thursday.", "there")
    engine.hear("https://example.org/" + "a-long-address/" * 9 + "?with=a&query=too")
    engine.say("Two lines\nin one message", "gone")
    engine.hear("שלום, ‏one line may go both ways", "A name that is much too long for one line")
    engine.say("On its way", "")
    call.chat.input.setPlainText("word " * 220)
    await grab("8-chat-full")
    call.chat.input.setPlainText("First line\nsecond line")
    engine.refusals["send_chat"] = StagedError()
    call.chat.send.click()
    await grab("8-chat-refused")
    engine.refusals.clear()
    size = window.size()
    window.resize(560, size.height())
    await grab("8-chat-narrow")
    window.resize(size)
    call.chat.input.clear()
    call.chat_button.click()


async def _models(engine, window, grab) -> None:  # type: ignore[no-untyped-def]
    """The page of the models: as it is found, while one comes, and half of one."""
    from app.core.models import ModelProgress
    from benchmarks.staged_engine import PUBLISHED

    shelf = engine.shelf
    shelf.models.insert(1, replace(PUBLISHED, name="4k", title="FocalCodec-Stream 4k", kbit=0.6))
    shelf.models.append(
        replace(PUBLISHED, name="mine", title="mine (imported)", kind="imported", quality=None)
    )
    shelf.now("mine", on_disk=True, licence="not told", octets_exact=True)
    window.home.model.open.click()
    await grab("7-models")
    window.models.cards["2k"].get.click()
    await asyncio.sleep(0.05)
    shelf.progress(ModelProgress("2k", "downloading", 412_000_000, 996_145_764, 3.1e6))
    await grab("7-models-downloading")
    window.models.cards["2k"].work.stop.click()
    shelf.now("2k", partial=412_000_000)
    window.models.show_error("The download from the server broke off again and again.")
    await grab("7-models-half")
    window.models.back.click()


if __name__ == "__main__":
    main()
