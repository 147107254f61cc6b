from __future__ import annotations

import inspect

import pytest

from app.audio import backend
from app.audio.backend import AudioError
from app.core.errors import UndertoneError

ERRORS = [
    thing
    for _, thing in inspect.getmembers(backend, inspect.isclass)
    if issubclass(thing, AudioError)
]


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_is_a_sentence_for_people(error: type[AudioError]) -> None:
    arguments = ["Headset", "microphone"] if error is backend.DeviceNotFound else []
    said = str(error(*arguments))
    assert isinstance(error(*arguments), UndertoneError)
    assert said[0].isupper() or said[0] == "“"
    assert said.endswith(".")
    assert "\n" not in said
