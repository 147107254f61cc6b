"""Voice packets: codes of speech to bytes and back (PROTOCOL.md, "Voice packets").

Nothing here reads a socket or a clock. Every byte string decodes to a `VoicePacket` or a
`SilencePacket`, or raises a `PacketError`; no other exception can come out, whatever a peer sends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.core.errors import UndertoneError

PACKET_VERSION = 0
HEADER_BYTES = 4
CODES_PER_CHUNK = 4
MAX_NEW_CHUNKS = 4
MAX_DISTANCE = 3
SEQUENCE_MODULO = 1 << 16
MAX_BITS_PER_CODE = 32
MAX_MODEL_ID = 0x7F
MAX_SINCE = 31
"""The longest silence a `SilencePacket` can tell, in chunks; it stands for longer ones too."""

SILENCE_BYTES = 8
QUIETEST = 127
"""The noise level that stands for no sound at all."""

_SILENCE = 1 << 5
_ONSET = 1 << 7

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


class PacketModelUnknown(PacketError):
    """The other end speaks with a codec model that is not here. Use the same model at both ends."""


class PacketPaddingWrong(PacketError):
    """Bits of a voice packet that must be zero are not, so it is damaged."""


@dataclass(frozen=True)
class VoicePacket:
    """One or more chunks of speech.

    `sequence` is the number of `new[0]`: chunks of 80 ms since the stream began, spoken or silent,
    modulo 2**16. `distances` says which earlier chunks are sent again in case they were lost:
    distance d means the len(new) chunks that end d - 1 times len(new) chunks before `sequence`.
    `redundant` holds those chunks, oldest first. `onset` says that the chunk before `sequence` was
    silent, and nothing before it is missing.
    """

    model_id: int
    sequence: int
    new: tuple[Codes, ...]
    distances: tuple[int, ...] = ()
    redundant: tuple[Codes, ...] = ()
    onset: bool = False

    def __post_init__(self) -> None:
        _check_head(self.model_id, self.sequence)
        if not 1 <= len(self.new) <= MAX_NEW_CHUNKS:
            raise ValueError(f"a packet carries 1 to {MAX_NEW_CHUNKS} new chunks")
        if tuple(sorted(set(self.distances) & set(range(1, MAX_DISTANCE + 1)))) != self.distances:
            raise ValueError(f"distances go from 1 to {MAX_DISTANCE}, the nearest first")
        if len(self.redundant) != len(self.distances) * len(self.new):
            raise ValueError("each distance repeats as many chunks as are new")


@dataclass(frozen=True)
class NoiseHint:
    """What the background sounds like.

    `level` is in dB below full scale (RFC 3389 section 3.1), QUIETEST for no sound. `shape` are
    three reflection coefficients k, each as round(127 k) + 127 (RFC 3389 section 3.2).
    """

    level: int
    shape: tuple[int, int, int] = (127, 127, 127)

    def __post_init__(self) -> None:
        if not 0 <= self.level <= QUIETEST:
            raise ValueError(f"a noise level of {self.level} does not fit 7 bits")
        if len(self.shape) != 3 or not all(0 <= each <= 0xFF for each in self.shape):
            raise ValueError("the shape of noise is three bytes")


NO_SOUND = NoiseHint(QUIETEST)


@dataclass(frozen=True)
class SilencePacket:
    """The speaker is silent: chunk `sequence`, and the `since` chunks before it, are not speech.

    A `since` of MAX_SINCE stands for any longer time too.
    """

    model_id: int
    sequence: int
    since: int
    noise: NoiseHint

    def __post_init__(self) -> None:
        _check_head(self.model_id, self.sequence)
        if not 0 <= self.since <= MAX_SINCE:
            raise ValueError(f"a silence of {self.since} chunks does not fit 5 bits")


Packet = VoicePacket | SilencePacket


def _check_head(model_id: int, sequence: int) -> None:
    if not 0 <= model_id <= MAX_MODEL_ID:
        raise ValueError(f"model_id {model_id} does not fit 7 bits")
    if not 0 <= sequence < SEQUENCE_MODULO:
        raise ValueError(f"sequence {sequence} does not fit 16 bits")


def numbered(packet: VoicePacket, sequence: int) -> Iterator[tuple[int, Codes, bool]]:
    """Each chunk of a packet as (number, codes, is_new), oldest first.

    `sequence` is the packet's own number unwrapped by `SequenceUnwrapper`.
    """
    count, redundant = len(packet.new), iter(packet.redundant)
    for distance in reversed(packet.distances):
        for index in range(count):
            yield sequence - distance * count + index, next(redundant), False
    for index, codes in enumerate(packet.new):
        yield sequence + index, codes, True


def is_silence(data: bytes) -> bool:
    """Whether these bytes are, or would be if they were whole, a `SilencePacket`."""
    return bool(data) and bool(data[0] & _SILENCE)


def encode(packet: Packet, bits_per_code: int) -> bytes:
    """The bytes of a packet whose codes have `bits_per_code` bits each."""
    if not 1 <= bits_per_code <= MAX_BITS_PER_CODE:
        raise ValueError(f"bits_per_code {bits_per_code} is not 1 to {MAX_BITS_PER_CODE}")
    sequence = packet.sequence.to_bytes(2, "big")
    if isinstance(packet, SilencePacket):
        first = PACKET_VERSION << 6 | _SILENCE | packet.since
        noise = bytes((packet.noise.level, *packet.noise.shape))
        return bytes((first, packet.model_id)) + sequence + noise
    repeats = sum(1 << distance - 1 for distance in packet.distances)
    first = PACKET_VERSION << 6 | (len(packet.new) - 1) << 3 | repeats
    second = _ONSET * packet.onset | packet.model_id
    return bytes((first, second)) + sequence + _pack(packet.redundant + packet.new, bits_per_code)


def decode(data: bytes, bits_by_model: Mapping[int, int]) -> Packet:
    """The packet in `data`; `bits_by_model` gives bits per code for each model id known here.

    Raises a `PacketError` for anything that is not a packet.
    """
    if len(data) < HEADER_BYTES:
        raise PacketTruncated(f"A voice packet has {len(data)} bytes; its header alone takes 4.")
    if data[0] >> 6 != PACKET_VERSION:
        raise PacketVersionUnknown
    if is_silence(data):
        return _decode_silence(data, bits_by_model)
    bits_per_code = bits_by_model.get(data[1] & MAX_MODEL_ID)
    if bits_per_code is None:
        raise PacketModelUnknown
    count = (data[0] >> 3 & 3) + 1
    distances = tuple(d for d in range(1, MAX_DISTANCE + 1) if data[0] >> d - 1 & 1)
    repeated = count * len(distances)
    chunks = _unpack(data[HEADER_BYTES:], count + repeated, bits_per_code)
    return VoicePacket(
        model_id=data[1] & MAX_MODEL_ID,
        sequence=int.from_bytes(data[2:4], "big"),
        new=chunks[repeated:],
        distances=distances,
        redundant=chunks[:repeated],
        onset=bool(data[1] & _ONSET),
    )


def _decode_silence(data: bytes, bits_by_model: Mapping[int, int]) -> SilencePacket:
    if len(data) != SILENCE_BYTES:
        wrong = PacketTruncated if len(data) < SILENCE_BYTES else PacketOverlong
        raise wrong(f"A packet that tells of silence has {len(data)} bytes, not {SILENCE_BYTES}.")
    if (data[1] | data[4]) & 0x80:
        raise PacketPaddingWrong
    if data[1] not in bits_by_model:
        raise PacketModelUnknown
    return SilencePacket(
        model_id=data[1],
        sequence=int.from_bytes(data[2:4], "big"),
        since=data[0] & MAX_SINCE,
        noise=NoiseHint(data[4], (data[5], data[6], data[7])),
    )


def packet_bytes(new: int, distances: int, bits_per_code: int) -> int:
    """Size in bytes of a packet with so many new chunks that repeats those at so many distances."""
    return HEADER_BYTES + -(-new * (1 + distances) * CODES_PER_CHUNK * bits_per_code // 8)


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
