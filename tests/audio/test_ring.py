from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audio.ring import Ring


def ramp(first: int, count: int) -> np.ndarray:
    return np.arange(first, first + count, dtype=np.float32)


def test_what_goes_in_comes_out_in_order() -> None:
    ring = Ring(10)
    assert ring.write(ramp(0, 7)) == 7
    np.testing.assert_array_equal(ring.read(5), ramp(0, 5))
    assert ring.write(ramp(7, 8)) == 8  # wraps round the end
    np.testing.assert_array_equal(ring.read(10), ramp(5, 10))
    assert ring.available == 0
    assert ring.free == 10


def test_reading_more_than_is_there_takes_nothing() -> None:
    ring = Ring(10)
    ring.write(ramp(0, 3))
    assert ring.read(4) is None
    np.testing.assert_array_equal(ring.read(3), ramp(0, 3))


def test_a_full_ring_takes_only_what_fits() -> None:
    ring = Ring(4)
    assert ring.write(ramp(0, 6)) == 4
    assert ring.write(ramp(6, 1)) == 0
    np.testing.assert_array_equal(ring.read(4), ramp(0, 4))
    assert ring.dropped == 0


def test_an_overwriting_ring_keeps_the_newest_and_counts_the_rest() -> None:
    ring = Ring(8, overwrite=True)
    for first in range(0, 20, 4):
        assert ring.write(ramp(first, 4)) == 4
    assert ring.available == 8
    np.testing.assert_array_equal(ring.read(3), ramp(17, 3))  # the backlog is let go whole
    assert ring.dropped == 17
    assert ring.available == 0


def test_an_overwriting_ring_takes_a_block_larger_than_itself() -> None:
    ring = Ring(8, overwrite=True)
    assert ring.write(ramp(0, 21)) == 21
    np.testing.assert_array_equal(ring.read(8), ramp(13, 8))
    assert ring.dropped == 13


def test_a_backlog_that_fits_exactly_is_not_dropped() -> None:
    ring = Ring(8, overwrite=True)
    ring.write(ramp(0, 8))
    np.testing.assert_array_equal(ring.read(2), ramp(0, 2))
    assert ring.dropped == 0


def test_a_block_overwritten_while_it_is_copied_is_not_delivered() -> None:
    ring = Ring(8, overwrite=True)
    ring.write(ramp(0, 8))
    copy_out = ring._copy_out
    interruptions = iter([ramp(8, 4)])

    def interrupted(position: int, out: np.ndarray) -> None:
        copy_out(position, out)
        for block in interruptions:
            ring.write(block)

    ring._copy_out = interrupted  # type: ignore[method-assign]
    np.testing.assert_array_equal(ring.read(4), ramp(8, 4))
    assert ring.dropped == 8


def test_a_callback_gets_what_there_is() -> None:
    ring = Ring(8)
    ring.write(ramp(1, 3))
    out = np.full(5, -1, np.float32)
    assert ring.read_into(out) == 3
    np.testing.assert_array_equal(out, [1, 2, 3, -1, -1])
    assert ring.read_into(out) == 0


def test_clearing_makes_room() -> None:
    ring = Ring(4)
    ring.write(ramp(0, 4))
    ring.clear()
    assert ring.free == 4
    assert ring.read(1) is None


def test_waiting_gives_up_after_its_time() -> None:
    ring = Ring(4)
    ring.write(ramp(0, 2))
    assert not ring.wait_available(3, 0.01)
    assert not ring.wait_at_most(1, 0.01)
    assert ring.wait_available(2, 0.0)
    assert ring.wait_at_most(2, 0.0)


def test_what_can_never_come_is_refused() -> None:
    ring = Ring(4)
    with pytest.raises(ValueError, match="never holds 5"):
        ring.read(5)
    with pytest.raises(ValueError, match="never holds 5"):
        ring.wait_available(5, 1.0)
    with pytest.raises(ValueError, match="at least one"):
        Ring(0)


def test_a_stale_ring_of_the_bell_does_not_let_a_waiter_through() -> None:
    ring = Ring(8)
    assert not ring.wait_available(2, 0.01)  # leaves the bell armed
    ring.write(ramp(0, 2))  # rings it with nobody there
    assert ring.read(2) is not None
    assert not ring.wait_available(2, 0.01)
    ring.write(ramp(2, 2))
    ring.write(ramp(4, 2))
    assert ring.wait_available(4, 5.0)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9)), max_size=60), st.booleans())
def test_any_mix_of_reads_and_writes_loses_only_what_it_counts(
    steps: list[tuple[int, int]], overwrite: bool
) -> None:
    ring = Ring(9, overwrite=overwrite)
    written = 0
    delivered: list[np.ndarray] = []
    for write, read in steps:
        written += ring.write(ramp(written, write))
        block = ring.read(read)
        if block is not None:
            delivered.append(block)
        assert 0 <= ring.available <= 9
    heard = np.concatenate([*delivered, np.zeros(0, np.float32)])
    assert np.all(np.diff(heard) >= 1)  # in order, nothing twice
    if not overwrite:
        np.testing.assert_array_equal(heard, ramp(0, len(heard)))
        assert ring.dropped == 0
    ring.read(0)  # whatever was overwritten by now is noticed
    assert len(heard) + ring.dropped + ring.available == written


def test_two_threads_pass_a_long_stream_through_a_small_ring() -> None:
    ring = Ring(256)
    total = 200_000
    heard: list[np.ndarray] = []

    def produce() -> None:
        sent = 0
        while sent < total:
            block = ramp(sent, min(97, total - sent))
            while len(block):
                taken = ring.write(block)
                sent += taken
                block = block[taken:]
                if len(block):
                    assert ring.wait_at_most(128, 10.0)

    producer = threading.Thread(target=produce)
    producer.start()
    for _ in range(total // 125):
        assert ring.wait_available(125, 10.0)
        block = ring.read(125)
        assert block is not None
        heard.append(block)
    producer.join(10.0)
    np.testing.assert_array_equal(np.concatenate(heard), ramp(0, total))


def test_a_waiting_reader_is_woken_by_the_write_that_completes_its_wish() -> None:
    ring = Ring(64)
    woken = threading.Event()

    def consume() -> None:
        if ring.wait_available(30, 30.0):
            woken.set()

    consumer = threading.Thread(target=consume)
    consumer.start()
    for first in (0, 10, 20):
        assert not woken.is_set()
        ring.write(ramp(first, 10))
    assert woken.wait(20.0)
    consumer.join(10.0)
