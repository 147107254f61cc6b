"""An engine in which nothing happens but what a test tells, for tests of the front ends."""

from __future__ import annotations

from concurrent.futures import Future

from app.core.state import Inviting


def done(result=None, error: BaseException | None = None) -> Future:
    future: Future = Future()
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
    return future


class StillPeer:
    """Every command succeeds at once, unless a test puts another future in its place."""

    muted = False

    def __init__(self, codec, sound, settings, listen, *, loopback) -> None:
        self.listen = listen
        self.asked: list[str] = []
        self.link: Future = done(Inviting("undertone://call/x", 0.0))
        self.accepted: Future = done()
        self.hung_up: Future = done()

    def create_call(self) -> Future:
        return self.link

    def join(self, link) -> Future:
        return self.link

    def accept_answer(self, link) -> Future:
        return self.accepted

    def hang_up(self) -> Future:
        self.asked.append("hang up")
        return self.hung_up

    def reading(self) -> None:
        return None

    def close(self) -> Future:
        return done()
