from __future__ import annotations

import pytest
import torch

from codec.errors import BadFeatures
from codec.voices import convert


def test_each_frame_becomes_the_mean_of_those_most_alike() -> None:
    voice = torch.tensor([[1.0, 0.0], [3.0, 0.3], [0.0, 1.0], [-1.0, 0.0]])
    frames = torch.tensor([[[5.0, 0.1], [0.1, 9.0]]])
    expected = torch.tensor([[[2.0, 0.15], [1.5, 0.65]]])
    torch.testing.assert_close(convert(frames, voice, k=2), expected)


def test_of_its_own_frames_the_nearest_is_the_frame_itself() -> None:
    frames = torch.randn(1, 20, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(convert(frames, frames[0], k=1), frames)


@pytest.mark.parametrize("voice", [torch.zeros(3, 8), torch.zeros(9, 7), torch.zeros(9)])
def test_a_voice_that_does_not_fit_is_refused(voice: torch.Tensor) -> None:
    with pytest.raises(BadFeatures):
        convert(torch.zeros(1, 4, 8), voice)
