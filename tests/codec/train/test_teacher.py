from __future__ import annotations

import pytest
import torch

from codec.train.teacher import (
    TeacherMissing,
    TeacherUnreadable,
    WhisperEncoder,
    read_ctranslate2,
    whisper_base,
)
from tests.codec.train.conftest import TEACHER_DIM, ctranslate2, teacher_tensors


def test_tensors_come_back_from_the_file_format():
    tensors = teacher_tensors()
    read = read_ctranslate2(ctranslate2(tensors))
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(read[name], tensor)


def test_features_come_at_fifty_a_second_and_can_be_differentiated(teacher):
    sig = (torch.randn(2, 16_000) * 0.1).requires_grad_()
    features = teacher.features(sig, layer=2)
    assert features.shape == (2, 50, TEACHER_DIM)
    features.square().sum().backward()
    assert sig.grad is not None
    assert sig.grad.abs().sum() > 0


def test_the_encoder_of_a_file_is_the_encoder_of_its_tensors(teacher, tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(ctranslate2(teacher_tensors()))
    sig = torch.randn(1, 8_000) * 0.1
    torch.testing.assert_close(whisper_base(path).features(sig, 1), teacher.features(sig, 1))


@pytest.mark.parametrize("damage", [lambda b: b[:500], lambda b: b"", lambda b: b"not a model"])
def test_a_damaged_file_is_named(damage, tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(damage(ctranslate2(teacher_tensors())))
    with pytest.raises(TeacherUnreadable, match=r"model\.bin"):
        whisper_base(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(TeacherMissing):
        whisper_base(tmp_path / "none.bin")


def test_a_file_without_an_encoder_is_named(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(ctranslate2({"decoder/x": torch.zeros(2)}))
    with pytest.raises(TeacherUnreadable):
        whisper_base(path)
    with pytest.raises(KeyError):
        WhisperEncoder({})
