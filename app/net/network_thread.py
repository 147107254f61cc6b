"""The thread the network lives on.

It runs an asyncio SelectorEventLoop of its own: a stall of the window must not delay a packet, and
on Windows the default proactor loop stops reading a UDP socket after an ICMP port-unreachable,
which ICE checks provoke (python/cpython#91227).
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from app.net.errors import NetworkStopped

log = logging.getLogger(__name__)

T = TypeVar("T")


class NetworkThread:
    """An event loop in a thread. Every method may be called from any thread."""

    def __init__(self, name: str = "network") -> None:
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._lock = threading.Lock()
        self._started = self._stopped = False

    def start(self) -> None:
        """Start the loop; a second call does nothing. Raises `NetworkStopped` after `stop`."""
        with self._lock:
            if self._stopped:
                raise NetworkStopped
            if not self._started:
                self._started = True
                self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine on the loop. Raises `NetworkStopped` when it does not run."""
        with self._lock:
            if self._started and not self._stopped:
                return asyncio.run_coroutine_threadsafe(work, self._loop)
        work.close()
        raise NetworkStopped

    def call_soon(self, function: Callable[..., object], *args: object) -> bool:
        """Call a function on the loop soon. False when the loop does not run."""
        with self._lock:
            if self._started and not self._stopped:
                self._loop.call_soon_threadsafe(function, *args)
                return True
        return False

    def stop(self, timeout: float = 3.0) -> bool:
        """Cancel what is left and end the thread; may be called again.

        Returns whether the thread ended within `timeout` seconds. Not to be called on the loop.
        """
        with self._lock:
            first, self._stopped = not self._stopped, True
            if not self._started:
                if first:
                    self._loop.close()
                return True
            if first:
                self._loop.call_soon_threadsafe(self._begin_to_stop)
        self._thread.join(timeout)
        ended = not self._thread.is_alive()
        if not ended:
            log.warning("The network thread did not stop within %.1f s.", timeout)
        return ended

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def _begin_to_stop(self) -> None:
        self._loop.create_task(self._cancel_all())

    async def _cancel_all(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                log.warning("Work left on the network thread ended with an error: %r", result)
        await self._loop.shutdown_asyncgens()
        self._loop.stop()
