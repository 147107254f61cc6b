"""Control messages as bytes (PROTOCOL.md, "Control").

A message is one byte of version (3 bits) and type (5 bits), then the fields of its type, all
big-endian. Bytes after the known fields are ignored, so a later version can append fields. Every
byte string decodes to a message or raises a `ControlError`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from app.core.control import (
    MAX_CHAT_BYTES,
    MAX_TEXT_BYTES,
    Bye,
    ByeReason,
    Chat,
    ChatReceived,
    ChatTooLong,
    ControlMessage,
    ControlTextWrong,
    ControlTruncated,
    ControlTypeUnknown,
    ControlVersionUnknown,
    Hello,
    IntroductionWrong,
    ModelReady,
    ModelWish,
    Mute,
    Ping,
    Pong,
    Report,
)
from app.core.introductions import (
    MOST_OTHERS,
    MOST_RELAYED_BYTES,
    Apart,
    Member,
    Present,
    Relay,
    Step,
)
from app.core.meter import EndLatency
from app.core.models import MAX_OFFERS, ModelOffer
from app.core.texts import clean_lines, cut_text, plain_text

CONTROL_VERSION = 0
_UNKNOWN_LATENCY = 0xFFFF

_HELLO, _PING, _PONG, _MUTE, _BYE, _REPORT, _CHAT, _CHAT_RECEIVED = 1, 2, 3, 4, 5, 6, 7, 8
_PRESENT, _RELAY, _APART, _MODEL_WISH, _MODEL_READY = 9, 10, 11, 12, 13
_HELLO_FIXED = struct.Struct("!BBII")
_OFFER = struct.Struct("!BI")
_PING_FIXED = struct.Struct("!HI")
_PONG_FIXED = struct.Struct("!HI6H")
_REPORT_FIXED = struct.Struct("!BBH")
_CHAT_FIXED = struct.Struct("!IH")
_CHAT_ID = struct.Struct("!I")
_MEMBER = struct.Struct("!I")
_RELAY_FIXED = struct.Struct("!IIBH")


def encode_control(message: ControlMessage) -> bytes:
    """The bytes of a control message. Raises ChatTooLong, or IntroductionWrong for a long Relay."""
    match message:
        case Hello():
            fixed = _HELLO_FIXED.pack(
                message.model_id, message.voice_changed, message.output_rate, message.model_digest
            )
            texts = (message.name, message.app_version, message.model_name)
            return _head(_HELLO) + fixed + b"".join(map(_text, texts)) + _offers(message.offers)
        case Ping():
            return _head(_PING) + _PING_FIXED.pack(message.id, message.sent_ms)
        case Pong():
            parts = map(_tenths, message.latency.parts())
            held = _tenths(message.held_ms)
            return _head(_PONG) + _PONG_FIXED.pack(message.id, message.sent_ms, *parts, held)
        case Mute():
            return _head(_MUTE) + bytes((message.muted,))
        case Bye():
            return _head(_BYE) + bytes((message.reason,))
        case Report():
            loss = round(min(max(message.loss, 0.0), 1.0) * 255)
            burst = min(max(round(message.burst * 16), 16), 255)
            queue = min(max(round(message.queue * 1000), 0), 0xFFFF)
            return _head(_REPORT) + _REPORT_FIXED.pack(loss, burst, queue)
        case Chat():
            raw = message.text.encode("utf-8", "replace")
            if len(raw) > MAX_CHAT_BYTES:
                raise ChatTooLong(len(raw))
            return _head(_CHAT) + _CHAT_FIXED.pack(message.id, len(raw)) + raw
        case ChatReceived():
            return _head(_CHAT_RECEIVED) + _CHAT_ID.pack(message.id)
        case Present():
            return _head(_PRESENT) + _present(message)
        case Relay(description=raw):
            if len(raw) > MOST_RELAYED_BYTES:
                raise IntroductionWrong
            fixed = _RELAY_FIXED.pack(message.to, message.sender, message.step, len(raw))
            return _head(_RELAY) + fixed + raw
        case Apart():
            return _head(_APART) + _MEMBER.pack(message.id)
        case ModelWish():
            return _head(_MODEL_WISH) + _offer(message.offer)
        case ModelReady():
            return _head(_MODEL_READY) + _offer(message.offer) + bytes((message.able,))


def decode_control(data: bytes) -> ControlMessage:
    """The message in `data`. Raises a `ControlError` for anything that is not one."""
    if not data:
        raise ControlTruncated
    if data[0] >> 5 != CONTROL_VERSION:
        raise ControlVersionUnknown
    reader = _READERS.get(data[0] & 0x1F)
    if reader is None:
        raise ControlTypeUnknown
    try:
        return reader(data[1:])
    except (struct.error, IndexError):
        raise ControlTruncated from None
    except UnicodeDecodeError:
        raise ControlTextWrong from None


def _head(kind: int) -> bytes:
    return bytes((CONTROL_VERSION << 5 | kind,))


def _text(text: str) -> bytes:
    raw = cut_text(text, MAX_TEXT_BYTES)
    return bytes((len(raw),)) + raw


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + data[at]
    if end > len(data):
        raise IndexError
    return plain_text(data[at + 1 : end]), end


def _offers(offers: tuple[ModelOffer, ...]) -> bytes:
    told = offers[:MAX_OFFERS]
    return bytes((len(told),)) + b"".join(map(_offer, told))


def _offer(offer: ModelOffer) -> bytes:
    return _OFFER.pack(offer.model_id, offer.digest)


def _read_offers(data: bytes, at: int) -> tuple[ModelOffer, ...]:
    if at == len(data):
        return ()  # A Hello as it was before it had offers.
    end = at + 1 + data[at] * _OFFER.size
    if end > len(data):
        raise IndexError
    return tuple(ModelOffer(*fields) for fields in _OFFER.iter_unpack(data[at + 1 : end]))


def _tenths(milliseconds: float | None) -> int:
    if milliseconds is None:
        return _UNKNOWN_LATENCY
    return min(max(round(milliseconds * 10), 0), _UNKNOWN_LATENCY - 1)


def _read_hello(data: bytes) -> Hello:
    model_id, flags, rate, digest = _HELLO_FIXED.unpack_from(data)
    name, at = _read_text(data, _HELLO_FIXED.size)
    app_version, at = _read_text(data, at)
    model_name, at = _read_text(data, at)
    offers = _read_offers(data, at)
    return Hello(name, app_version, model_id, model_name, rate, bool(flags & 1), digest, offers)


def _read_ping(data: bytes) -> Ping:
    return Ping(*_PING_FIXED.unpack_from(data))


def _read_pong(data: bytes) -> Pong:
    ping_id, sent_ms, *tenths, held = _PONG_FIXED.unpack_from(data)
    parts = (None if part == _UNKNOWN_LATENCY else part / 10 for part in tenths)
    return Pong(ping_id, sent_ms, EndLatency(*parts), held / 10)


def _read_mute(data: bytes) -> Mute:
    return Mute(bool(data[0]))


def _read_bye(data: bytes) -> Bye:
    known = data[0] in ByeReason.__members__.values()
    return Bye(ByeReason(data[0]) if known else ByeReason.OTHER)


def _read_report(data: bytes) -> Report:
    loss, burst, queue = _REPORT_FIXED.unpack_from(data)
    return Report(loss / 255, max(burst, 16) / 16, queue / 1000)


def _read_chat(data: bytes) -> Chat:
    chat_id, size = _CHAT_FIXED.unpack_from(data)
    if size > MAX_CHAT_BYTES:
        raise ChatTooLong(size)
    raw = data[_CHAT_FIXED.size : _CHAT_FIXED.size + size]
    if len(raw) < size:
        raise IndexError
    return Chat(chat_id, clean_lines(raw.decode("utf-8")))


def _read_chat_received(data: bytes) -> ChatReceived:
    return ChatReceived(*_CHAT_ID.unpack_from(data))


def _read_model_wish(data: bytes) -> ModelWish:
    return ModelWish(ModelOffer(*_OFFER.unpack_from(data)))


def _read_model_ready(data: bytes) -> ModelReady:
    return ModelReady(ModelOffer(*_OFFER.unpack_from(data)), bool(data[_OFFER.size]))


def _present(message: Present) -> bytes:
    others = message.others[:MOST_OTHERS]
    told = (_MEMBER.pack(other.id) + _text(other.name) for other in others)
    return _MEMBER.pack(message.own) + bytes((len(others),)) + b"".join(told)


def _read_present(data: bytes) -> Present:
    (own,) = _MEMBER.unpack_from(data)
    number, at = data[_MEMBER.size], _MEMBER.size + 1
    if number > MOST_OTHERS:
        raise IntroductionWrong
    others = []
    for _ in range(number):
        (member,) = _MEMBER.unpack_from(data, at)
        name, at = _read_text(data, at + _MEMBER.size)
        others.append(Member(member, name))
    return Present(own, tuple(others))


def _read_relay(data: bytes) -> Relay:
    to, sender, step, size = _RELAY_FIXED.unpack_from(data)
    if step not in Step.__members__.values() or size > MOST_RELAYED_BYTES:
        raise IntroductionWrong
    raw = data[_RELAY_FIXED.size : _RELAY_FIXED.size + size]
    if len(raw) < size:
        raise IndexError
    return Relay(to, sender, Step(step), raw)


def _read_apart(data: bytes) -> Apart:
    return Apart(*_MEMBER.unpack_from(data))


_READERS: dict[int, Callable[[bytes], ControlMessage]] = {
    _HELLO: _read_hello,
    _PING: _read_ping,
    _PONG: _read_pong,
    _MUTE: _read_mute,
    _BYE: _read_bye,
    _REPORT: _read_report,
    _CHAT: _read_chat,
    _CHAT_RECEIVED: _read_chat_received,
    _PRESENT: _read_present,
    _RELAY: _read_relay,
    _APART: _read_apart,
    _MODEL_WISH: _read_model_wish,
    _MODEL_READY: _read_model_ready,
}
