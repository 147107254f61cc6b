from __future__ import annotations

import threading

import pytest

from app.engine.worker import Worker, WorkerStopped


def test_work_is_done_in_order_and_its_errors_come_back():
    worker = Worker("test")
    done: list[int] = []
    futures = [worker.submit(done.append, number) for number in range(5)]
    failing = worker.submit(lambda: 1 / 0)
    for future in futures:
        future.result(10)
    assert done == [0, 1, 2, 3, 4]
    with pytest.raises(ZeroDivisionError):
        failing.result(10)
    assert worker.stop(10)


def test_after_stop_what_was_submitted_is_done_and_no_more_is_taken():
    worker = Worker("test")
    gate = threading.Event()
    waiting = worker.submit(gate.wait, 10)
    last = worker.submit(lambda: "done")
    assert not worker.stop(0.01)
    gate.set()
    assert worker.stop(10)
    assert waiting.result(0)
    assert last.result(0) == "done"
    with pytest.raises(WorkerStopped):
        worker.submit(print).result(0)
