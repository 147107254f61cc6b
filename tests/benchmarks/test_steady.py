from __future__ import annotations

from benchmarks.steady import PARTS, stream, verdict
from tests.models import small_codec


def test_a_stream_is_told_in_parts_and_its_state_does_not_grow() -> None:
    parts = list(stream(small_codec(), 0.08))
    assert len(parts) == PARTS
    assert abs(parts[-1].minutes - 0.08) < 0.001
    assert len({part.state_bytes for part in parts}) == 1
    assert parts[0].state_bytes > 0
    assert "bytes of state" in verdict(parts)
