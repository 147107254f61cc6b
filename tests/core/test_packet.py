from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import packet
from app.core.packet import (
    PacketError,
    PacketKindUnknown,
    PacketModelUnknown,
    PacketOverlong,
    PacketPaddingWrong,
    PacketTruncated,
    PacketVersionUnknown,
    SequenceUnwrapper,
    VoicePacket,
)

BITS_BY_MODEL = {1: 11, 2: 13, 3: 16, 9: 1}

PAIR = VoicePacket(1, 0x1234, new=((1, 2, 3, 2047),), redundant=((0, 0, 0, 4),))


@st.composite
def packets(draw: st.DrawFn) -> VoicePacket:
    model_id = draw(st.sampled_from(sorted(BITS_BY_MODEL)))
    code = st.integers(0, (1 << BITS_BY_MODEL[model_id]) - 1)
    chunk = st.tuples(code, code, code, code)
    return VoicePacket(
        model_id=model_id,
        sequence=draw(st.integers(0, 0xFFFF)),
        new=tuple(draw(st.lists(chunk, min_size=1, max_size=4))),
        redundant=tuple(draw(st.lists(chunk, max_size=7))),
    )


@given(packets())
def test_every_packet_comes_back_as_it_was(sent: VoicePacket) -> None:
    data = packet.encode(sent, BITS_BY_MODEL[sent.model_id])
    assert packet.decode(data, BITS_BY_MODEL) == sent
    size = packet.packet_bytes(len(sent.new), len(sent.redundant), BITS_BY_MODEL[sent.model_id])
    assert len(data) == size


@given(st.binary(max_size=80))
def test_any_bytes_are_a_packet_or_a_named_error(data: bytes) -> None:
    try:
        read = packet.decode(data, BITS_BY_MODEL)
    except PacketError:
        return
    assert packet.encode(read, BITS_BY_MODEL[read.model_id]) == data


def test_the_bytes_are_those_protocol_md_shows() -> None:
    assert packet.encode(PAIR, 11).hex(" ") == "01 01 12 34 00 00 00 00 00 40 02 00 80 1f ff"


def test_the_low_delay_packet_has_fifteen_bytes() -> None:
    assert packet.packet_bytes(1, 1, 11) == 15


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", PacketTruncated),
        (b"\x00\x01\x00", PacketTruncated),
        (packet.encode(PAIR, 11)[:-1], PacketTruncated),
        (packet.encode(PAIR, 11) + b"\x00", PacketOverlong),
        (b"\x40" + packet.encode(PAIR, 11)[1:], PacketVersionUnknown),
        (b"\x20" + packet.encode(PAIR, 11)[1:], PacketKindUnknown),
        (b"\x00\x07" + packet.encode(PAIR, 11)[2:], PacketModelUnknown),
        (b"\x00\x01\x00\x00" + b"\x00" * 5 + b"\x01", PacketPaddingWrong),
    ],
)
def test_each_defect_has_its_name(data: bytes, error: type[PacketError]) -> None:
    with pytest.raises(error):
        packet.decode(data, BITS_BY_MODEL)


@pytest.mark.parametrize("chunk", [(1, 2, 3), (1, 2, 3, 2048), (1, 2, 3, -1)])
def test_codes_that_do_not_fit_are_refused(chunk: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="code"):
        packet.encode(VoicePacket(1, 0, (chunk,)), 11)


def test_chunks_are_numbered_oldest_first() -> None:
    assert list(packet.numbered(PAIR, 100)) == [
        (99, (0, 0, 0, 4), False),
        (100, (1, 2, 3, 2047), True),
    ]


def test_sequences_go_on_past_sixteen_bits() -> None:
    unwrapper = SequenceUnwrapper()
    assert [unwrapper.unwrap(n & 0xFFFF) for n in range(65530, 200_000, 7)] == list(
        range(65530, 200_000, 7)
    )


@given(st.integers(0, 1 << 20), st.lists(st.integers(-30_000, 30_000), max_size=20))
def test_sequences_unwrap_in_any_order(start: int, steps: list[int]) -> None:
    unwrapper = SequenceUnwrapper()
    base = unwrapper.unwrap(start & 0xFFFF) - start
    highest = start
    for step in steps:
        number = highest + step
        assert unwrapper.unwrap(number & 0xFFFF) == base + number
        highest = max(highest, number)
