from __future__ import annotations

import asyncio
import threading

import pytest

from app.net.errors import NetworkStopped
from app.net.network_thread import NetworkThread


@pytest.fixture
def network():  # type: ignore[no-untyped-def]
    network = NetworkThread()
    network.start()
    yield network
    network.stop()


async def where() -> tuple[str, bool]:
    loop = asyncio.get_running_loop()
    return threading.current_thread().name, isinstance(loop, asyncio.SelectorEventLoop)


def test_work_runs_on_its_own_thread_and_a_selector_loop(network: NetworkThread) -> None:
    assert network.submit(where()).result(5) == ("network", True)


def test_an_error_reaches_the_one_who_asked(network: NetworkThread) -> None:
    async def fail() -> None:
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        network.submit(fail()).result(5)


def test_call_soon_calls(network: NetworkThread) -> None:
    called = threading.Event()
    assert network.call_soon(called.set)
    assert called.wait(5)


def test_stop_cancels_what_is_left(network: NetworkThread) -> None:
    seen = []
    begun = threading.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.sleep(1000)
        finally:
            seen.append("cleaned up")

    future = network.submit(endless())
    assert begun.wait(5)
    assert network.stop()
    assert seen == ["cleaned up"]
    assert future.cancelled()


def test_after_stop_nothing_runs_and_stop_may_be_called_again(network: NetworkThread) -> None:
    assert network.stop()
    assert network.stop()
    assert not network.call_soon(print)
    with pytest.raises(NetworkStopped):
        network.submit(where())
    with pytest.raises(NetworkStopped):
        network.start()


def test_a_thread_never_started_stops() -> None:
    network = NetworkThread()
    assert not network.call_soon(print)
    assert network.stop()
    assert network.stop()


def test_a_stuck_loop_does_not_hold_the_caller(network: NetworkThread) -> None:
    release, stuck = threading.Event(), threading.Event()

    def block() -> None:
        stuck.set()
        release.wait(10)

    network.call_soon(block)
    assert stuck.wait(5)
    assert not network.stop(timeout=0.05)
    release.set()
    assert network.stop(timeout=5)


def test_starting_twice_is_starting(network: NetworkThread) -> None:
    network.start()
    assert network.submit(where()).result(5)
