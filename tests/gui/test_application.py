"""Starting and stopping for real: each test runs the window in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 60

_START = """
import asyncio, os, signal, sys, threading
from concurrent.futures import Future
from app.core.state import Notice, StateChanged, Talking
from app.gui.application import run
from benchmarks.staged_engine import StagedEngine, StagedError
from PySide6.QtWidgets import QApplication

engines = []

def make(listen):
    engines.append(StagedEngine(listen))
    return engines[0]

def window():
    from app.gui.main_window import MainWindow
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow))

async def notices(count):
    while window().notices.list.count() < count:
        await asyncio.sleep(0.01)
    listed = window().notices.list
    return [listed.item(row).text() for row in range(listed.count())]
"""


def _run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _START + code],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_a_script_runs_beside_the_window_which_then_closes_itself() -> None:
    done = _run("""
async def script(bridge):
    await bridge.create_call()
    while window().page is not window().invite:
        await asyncio.sleep(0.01)
    print("at the invite")
status = run(make, script=script, auto_close=True)
print(engines[0].asked[-1], status)
sys.exit(status)
""")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["at the invite", "('close',) 0"]
    assert "Traceback" not in done.stderr


def test_a_script_that_fails_is_told_and_gives_status_1() -> None:
    done = _run("""
async def script(bridge):
    raise StagedError
sys.exit(run(make, script=script, auto_close=True))
""")
    assert done.returncode == 1
    assert "Undertone could not do that: This is a staged refusal, in a sentence." in done.stderr


def test_an_engine_that_cannot_start_is_explained_in_the_window() -> None:
    done = _run("""
def broken(listen):
    raise StagedError
def look():
    page = window().progress
    print(page.title, "|", page._words.text())
    window().close()
from PySide6.QtCore import QTimer
app = QApplication([])
app.setQuitOnLastWindowClosed(False)
def wait():
    look() if "cannot" in window().progress.title else QTimer.singleShot(20, wait)
QTimer.singleShot(20, wait)
sys.exit(run(broken))
""")
    assert done.returncode == 1, done.stderr
    assert done.stdout.strip() == (
        "Undertone cannot start | This is a staged refusal, in a sentence."
    )
    assert "Undertone cannot start: This is a staged refusal" in done.stderr


def test_no_screen_is_a_sentence_and_status_1() -> None:
    done = _run("sys.exit(run(make))", QT_QPA_PLATFORM="nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("Undertone cannot open a window")


@pytest.mark.skipif(sys.platform != "linux", reason="asks for an X display that is not there")
def test_a_dead_display_is_a_sentence_and_status_1() -> None:
    done = _run("sys.exit(run(make))", QT_QPA_PLATFORM="xcb", DISPLAY=":98765")
    assert done.returncode == 1
    assert done.stderr.startswith("Undertone cannot open a window")


def test_errors_nobody_caught_become_notices_and_the_window_lives_on() -> None:
    done = _run("""
from PySide6.QtCore import QTimer
def slot():
    raise ValueError("in a slot")
def thread():
    raise ValueError("in a thread")
async def script(bridge):
    QTimer.singleShot(0, slot)
    await notices(1)
    threading.Thread(target=thread).start()
    await notices(2)
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    for text in await notices(3):
        print(text.split("Error: ", 1)[1])
sys.exit(run(make, script=script, auto_close=True))
""")
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == 3
    for line, words in zip(said, ("in a slot", "in a thread", "ZeroDivisionError"), strict=True):
        assert words in line


def test_the_second_close_does_not_wait_for_an_engine_that_hangs() -> None:
    done = _run("""
async def script(bridge):
    engines[0].close_future = Future()
    window().close()
    await asyncio.sleep(0)
    # What comes after the first close runs outside the script, which it ends.
from PySide6.QtCore import QTimer
app = QApplication([])
app.setQuitOnLastWindowClosed(False)
def again():
    if "Closing" in window().progress.title:
        print("still open:", window().isVisible())
        window().close()
    else:
        QTimer.singleShot(20, again)
QTimer.singleShot(20, again)
import app.gui.application as application
application.CLOSE_SECONDS = 1000.0
sys.exit(run(make, script=script))
""")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "still open: True"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal to send")
def test_ctrl_c_closes_in_good_order() -> None:
    done = _run(f"""
async def script(bridge):
    os.kill(os.getpid(), {int(signal.SIGINT)})
    await asyncio.sleep(1000)
status = run(make, script=script)
print(engines[0].asked[-1])
sys.exit(status)
""")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "('close',)"
    assert "Traceback" not in done.stderr
