from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import packet
from app.core.packet import (
    NoiseHint,
    Packet,
    PacketError,
    PacketModelUnknown,
    PacketOverlong,
    PacketPaddingWrong,
    PacketTruncated,
    PacketVersionUnknown,
    SequenceUnwrapper,
    SilencePacket,
    VoicePacket,
)

BITS_BY_MODEL = {1: 11, 2: 13, 3: 16, 9: 1}

PAIR = VoicePacket(1, 0x1234, new=((1, 2, 3, 2047),), distances=(1,), redundant=((0, 0, 0, 4),))
QUIET = SilencePacket(1, 0x1235, 6, NoiseHint(60, (20, 160, 127)))

BYTE = st.integers(0, 0xFF)
SILENCES = st.builds(
    SilencePacket,
    st.sampled_from(sorted(BITS_BY_MODEL)),
    st.integers(0, 0xFFFF),
    st.integers(0, 31),
    st.builds(NoiseHint, st.integers(0, 127), st.tuples(BYTE, BYTE, BYTE)),
)


@st.composite
def voices(draw: st.DrawFn) -> VoicePacket:
    model_id = draw(st.sampled_from(sorted(BITS_BY_MODEL)))
    code = st.integers(0, (1 << BITS_BY_MODEL[model_id]) - 1)
    chunk = st.tuples(code, code, code, code)
    new = tuple(draw(st.lists(chunk, min_size=1, max_size=4)))
    distances = tuple(sorted(draw(st.sets(st.integers(1, 3)))))
    repeated = len(new) * len(distances)
    return VoicePacket(
        model_id=model_id,
        sequence=draw(st.integers(0, 0xFFFF)),
        new=new,
        distances=distances,
        redundant=tuple(draw(st.lists(chunk, min_size=repeated, max_size=repeated))),
        onset=draw(st.booleans()),
    )


@given(voices())
def test_a_voice_packet_has_the_size_it_should(sent: VoicePacket) -> None:
    bits = BITS_BY_MODEL[sent.model_id]
    size = packet.packet_bytes(len(sent.new), len(sent.distances), bits)
    assert len(packet.encode(sent, bits)) == size


@given(st.one_of(voices(), SILENCES))
def test_every_packet_comes_back_as_it_was(sent: Packet) -> None:
    data = packet.encode(sent, BITS_BY_MODEL[sent.model_id])
    assert packet.decode(data, BITS_BY_MODEL) == sent
    assert packet.is_silence(data) == isinstance(sent, SilencePacket)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_packet_or_a_named_error(data: bytes) -> None:
    try:
        read = packet.decode(data, BITS_BY_MODEL)
    except PacketError:
        return
    assert packet.encode(read, BITS_BY_MODEL[read.model_id]) == data


def test_the_bytes_are_those_protocol_md_shows() -> None:
    assert packet.encode(PAIR, 11).hex(" ") == "01 01 12 34 00 00 00 00 00 40 02 00 80 1f ff"
    assert packet.encode(QUIET, 11).hex(" ") == "26 01 12 35 3c 14 a0 7f"


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
        (packet.encode(QUIET, 11)[:-1], PacketTruncated),
        (packet.encode(QUIET, 11) + b"\x00", PacketOverlong),
        (b"\x20\x01\x00\x00\x80\x00\x00\x00", PacketPaddingWrong),
        (b"\x20\x07\x00\x00\x00\x00\x00\x00", PacketModelUnknown),
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


def test_repeats_may_leave_chunks_out() -> None:
    chunks = tuple((number, 0, 0, 0) for number in (4, 5, 8, 9, 10, 11))
    far = VoicePacket(1, 10, new=chunks[4:], distances=(1, 3), redundant=chunks[:4])
    numbers = [number for number, _, _ in packet.numbered(far, 10)]
    assert numbers == [codes[0] for codes in chunks]


@pytest.mark.parametrize(
    ("distances", "redundant"), [((1,), ()), ((), (PAIR.new[0],)), ((4,), PAIR.new), ((2, 1), ())]
)
def test_repeats_that_cannot_be_told_are_refused(distances: tuple, redundant: tuple) -> None:
    with pytest.raises(ValueError, match="distance"):
        VoicePacket(1, 0, PAIR.new, distances, redundant)


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
