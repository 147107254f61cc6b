"""Voice packets: codes of speech to bytes and back (PROTOCOL.md, "Voice packets").

Nothing here reads a socket or a clock. Every byte string decodes to a `VoicePacket` or raises a
`PacketError`; no other exception can come out, whatever a peer sends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.core.errors import UndertoneError

PACKET_VERSION = 0
HEADER_BYTES = 4
CODES_PER_CHUNK = 4
MAX_NEW_CHUNKS = 4
MAX_REDUNDANT_CHUNKS = 7
SEQUENCE_MODULO = 1 << 16
MAX_BITS_PER_CODE = 32

_KIND_VOICE = 0

Codes = tuple[int, ...]
"""The codes of one chunk: four ints, each 0 <= code < 2 ** bits_per_code."""


class PacketError(UndertoneError):
    """A voice packet could not be read."""


class PacketTruncated(PacketError):
    """A voice packet is shorter than its own header says."""


class PacketOverlong(PacketError):
    """A voice packet is longer than its own header says."""


class PacketVersionUnknown(PacketError):
    """A voice packet is of a version this Undertone does not know. Update both ends."""


class PacketKindUnknown(PacketError):
    """A voice packet is of a kind this Undertone does not know. Update both ends."""


class PacketModelUnknown(PacketError):
    """The other end speaks with a codec model that is not here. Use the same model at both ends."""


class PacketPaddingWrong(PacketError):
    """The last bits of a voice packet are not zero, so it is damaged."""


@dataclass(frozen=True)
class VoicePacket:
    """One or more chunks of speech.

    `sequence` is the number of `new[0]`, counted in chunks sent and taken modulo 2**16.
    `redundant` holds the chunks just before it, oldest first, sent again in case they were lost.
    """

    model_id: int
    sequence: int
    new: tuple[Codes, ...]
    redundant: tuple[Codes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.model_id <= 0xFF:
            raise ValueError(f"model_id {self.model_id} does not fit a byte")
        if not 0 <= self.sequence < SEQUENCE_MODULO:
            raise ValueError(f"sequence {self.sequence} does not fit 16 bits")
        if not 1 <= len(self.new) <= MAX_NEW_CHUNKS:
            raise ValueError(f"a packet carries 1 to {MAX_NEW_CHUNKS} new chunks")
        if len(self.redundant) > MAX_REDUNDANT_CHUNKS:
            raise ValueError(f"a packet carries at most {MAX_REDUNDANT_CHUNKS} redundant chunks")


def numbered(packet: VoicePacket, sequence: int) -> Iterator[tuple[int, Codes, bool]]:
    """Each chunk of a packet as (number, codes, is_new), oldest first.

    `sequence` is the packet's own number unwrapped by `SequenceUnwrapper`.
    """
    for index, codes in enumerate(packet.redundant):
        yield sequence - len(packet.redundant) + index, codes, False
    for index, codes in enumerate(packet.new):
        yield sequence + index, codes, True


def encode(packet: VoicePacket, bits_per_code: int) -> bytes:
    """The bytes of a packet whose codes have `bits_per_code` bits each."""
    if not 1 <= bits_per_code <= MAX_BITS_PER_CODE:
        raise ValueError(f"bits_per_code {bits_per_code} is not 1 to {MAX_BITS_PER_CODE}")
    first = (
        PACKET_VERSION << 6 | _KIND_VOICE << 5 | (len(packet.new) - 1) << 3 | len(packet.redundant)
    )
    header = bytes((first, packet.model_id)) + packet.sequence.to_bytes(2, "big")
    return header + _pack(packet.redundant + packet.new, bits_per_code)


def decode(data: bytes, bits_by_model: Mapping[int, int]) -> VoicePacket:
    """The packet in `data`; `bits_by_model` gives bits per code for each model id known here.

    Raises a `PacketError` for anything that is not a packet.
    """
    if len(data) < HEADER_BYTES:
        raise PacketTruncated(f"A voice packet has {len(data)} bytes; its header alone takes 4.")
    version, kind = data[0] >> 6, data[0] >> 5 & 1
    if version != PACKET_VERSION:
        raise PacketVersionUnknown
    if kind != _KIND_VOICE:
        raise PacketKindUnknown
    bits_per_code = bits_by_model.get(data[1])
    if bits_per_code is None:
        raise PacketModelUnknown
    new_count, redundant_count = (data[0] >> 3 & 3) + 1, data[0] & 7
    chunks = _unpack(data[HEADER_BYTES:], new_count + redundant_count, bits_per_code)
    return VoicePacket(
        model_id=data[1],
        sequence=int.from_bytes(data[2:4], "big"),
        new=chunks[redundant_count:],
        redundant=chunks[:redundant_count],
    )


def packet_bytes(new: int, redundant: int, bits_per_code: int) -> int:
    """Size in bytes of a packet with so many new and redundant chunks."""
    return HEADER_BYTES + -(-(new + redundant) * CODES_PER_CHUNK * bits_per_code // 8)


def _pack(chunks: Sequence[Sequence[int]], bits_per_code: int) -> bytes:
    whole = 0
    for codes in chunks:
        if len(codes) != CODES_PER_CHUNK:
            raise ValueError(f"a chunk has {CODES_PER_CHUNK} codes, not {len(codes)}")
        for code in codes:
            if not 0 <= code < 1 << bits_per_code:
                raise ValueError(f"code {code} does not fit {bits_per_code} bits")
            whole = whole << bits_per_code | int(code)
    bits = len(chunks) * CODES_PER_CHUNK * bits_per_code
    size = -(-bits // 8)
    return (whole << (size * 8 - bits)).to_bytes(size, "big")


def _unpack(payload: bytes, chunks: int, bits_per_code: int) -> tuple[Codes, ...]:
    bits = chunks * CODES_PER_CHUNK * bits_per_code
    size = -(-bits // 8)
    if len(payload) < size:
        raise PacketTruncated(f"A voice packet carries {len(payload)} bytes of codes, not {size}.")
    if len(payload) > size:
        raise PacketOverlong(f"A voice packet carries {len(payload)} bytes of codes, not {size}.")
    padding = size * 8 - bits
    whole = int.from_bytes(payload, "big")
    if whole & (1 << padding) - 1:
        raise PacketPaddingWrong
    whole >>= padding
    mask = (1 << bits_per_code) - 1
    count = chunks * CODES_PER_CHUNK
    codes = [whole >> bits_per_code * (count - 1 - index) & mask for index in range(count)]
    return tuple(
        tuple(codes[start : start + CODES_PER_CHUNK]) for start in range(0, count, CODES_PER_CHUNK)
    )


class SequenceUnwrapper:
    """Gives 16-bit sequence numbers a place on an endless line.

    Each number is taken to be the one nearest to the highest seen so far, as in RFC 1982
    (serial number arithmetic), so packets may come in any order within 32767 chunks.
    """

    def __init__(self) -> None:
        self._highest: int | None = None

    def unwrap(self, sequence: int) -> int:
        """The full number of a 16-bit `sequence`; the first one is given as it is."""
        if self._highest is None:
            self._highest = sequence
            return sequence
        ahead = (sequence - self._highest) % SEQUENCE_MODULO
        if ahead >= SEQUENCE_MODULO // 2:
            ahead -= SEQUENCE_MODULO
        full = self._highest + ahead
        self._highest = max(self._highest, full)
        return full
