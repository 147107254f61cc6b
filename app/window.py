"""The window with a real engine behind it: a call of one's own, or the demo."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from app.audio.instead import FilesInstead, check_files
from app.audio.portaudio import PortAudioBackend
from app.core.settings import Settings
from app.core.state import Ended, Event, Notice, StateChanged
from app.demo import Demo
from app.engine import Engine
from app.engine.model import load_first, load_model
from app.gui.application import run
from app.gui.bridge import Bridge, Listener
from app.gui.controls import Controls
from app.library.store import Store
from app.settings_file import save_settings


def run_window(
    model: str | None,
    settings: Settings,
    *,
    kept: Settings,
    damage: str | None,
    input_file: Path | None,
    output_file: Path | None,
    join: str | None,
    loopback: bool,
) -> int:
    """Show the window until it is closed; returns the exit status.

    What is chosen in the window is added to the `kept` settings; what the command line said holds
    for this time only, as `model` does, the one it said instead of the one chosen. `damage` is what
    was wrong with the kept settings.
    """
    check_files(input_file, output_file)
    devices = PortAudioBackend()
    engines: list[Engine] = []
    began: list[Settings] = []

    def make_engine(listen: Listener) -> Controls:
        sound = FilesInstead(
            devices,
            input_file=input_file,
            output_file=output_file,
            on_trouble=lambda error: listen(Notice("error", str(error))),
        )

        def hear(event: Event) -> None:
            if isinstance(event, StateChanged) and isinstance(event.state, Ended):
                sound.finish()
            listen(event)

        store = Store()
        codec, begun_with, warning = load_first(model, settings, store)
        began.append(begun_with)
        engines.append(Engine(codec, sound, begun_with, hear, store=store, loopback=loopback))
        for trouble in (damage, warning):
            if trouble is not None:
                listen(Notice("warning", trouble))
        return engines[0]

    async def join_at_once(bridge: Bridge) -> None:
        await bridge.join(join or "")

    try:
        return run(make_engine, script=join_at_once if join else None)
    finally:
        devices.close()
        if engines:
            _keep(kept, began[0], engines[0].settings)


def run_demo_window(
    model: str, clip: Path, output: Path, *, auto_close: bool, profile: str | None = None
) -> int:
    """Show Alice's window while she speaks the clip to Bob; returns the exit status."""
    demos: list[Demo] = []

    def make_engine(listen: Listener) -> Controls:
        demos.append(Demo(load_model(model), clip, output, listen, profile=profile))
        return demos[0].alice

    async def play(bridge: Bridge) -> None:
        await _in_a_thread(demos[0].run)
        bridge.report(f"What Bob heard is in {output}.", "info")

    try:
        return run(
            make_engine,
            title="Undertone – demo",
            script=play,
            script_failed="The demo failed",
            auto_close=auto_close,
        )
    finally:
        for demo in demos:
            demo.close()


async def _in_a_thread(work: Callable[[], None]) -> None:
    """Wait for `work`; its thread keeps nobody from quitting, as an executor's would."""
    done: Future[None] = Future()

    def run_and_tell() -> None:
        try:
            work()
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=run_and_tell, name="demo", daemon=True).start()
    await asyncio.wrap_future(done)


def _keep(kept: Settings, began_with: Settings, now: Settings) -> None:
    """Save what was changed in the window."""
    chosen = {
        name: getattr(now, name)
        for name in ("name", "input_device", "output_device", "model", "profile", "cues")
        if getattr(now, name) != getattr(began_with, name)
    }
    if chosen and (trouble := save_settings(replace(kept, **chosen))):
        print(f"undertone: {trouble}", file=sys.stderr)
