"""HiFi-GAN's discriminators (arXiv 2010.05646): five that look by period, three by scale.

Those of `codec/train/discriminators.py` are narrower and other in kind; these have the paper's
sizes at width 32, and less at less.
"""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from codec.train.discriminators import Verdict

PERIODS = (2, 3, 5, 7, 11)
SCALES = 3
_SLOPE = 0.1


def _judged(x: Tensor, layers: nn.ModuleList, verdict: nn.Module) -> Verdict:
    features = []
    for layer in layers:
        x = F.leaky_relu(layer(x), _SLOPE)
        features.append(x)
    return verdict(x).float(), features


class PeriodJudge(nn.Module):
    """Sees every `period`-th sample side by side, so that what repeats stands in columns."""

    def __init__(self, period: int, width: int) -> None:
        super().__init__()
        self.period = period
        channels = [1, width, 4 * width, 16 * width, 32 * width, 32 * width]
        strides = (3, 3, 3, 3, 1)
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(into, out, (5, 1), (stride, 1), (2, 0)))
            for (into, out), stride in zip(pairwise(channels), strides, strict=True)
        )
        self.verdict = weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, sig: Tensor) -> Verdict:
        """(batch, samples) -> scores and features."""
        whole = sig[:, : sig.shape[1] // self.period * self.period]
        return _judged(whole.reshape(len(sig), 1, -1, self.period), self.layers, self.verdict)


class ScaleJudge(nn.Module):
    """Sees the wave, smoothed and thinned out by two `halvings` times.

    The one that sees it whole is held by its spectral norm, as in the paper.
    """

    def __init__(self, halvings: int, width: int) -> None:
        super().__init__()
        self.halvings = halvings
        norm = weight_norm if halvings else spectral_norm
        # Channels, as multiples of the width; kernel, stride and groups as the paper has them.
        shapes = [
            (1, 4, 15, 1, 1),
            (4, 4, 41, 2, 4),
            (4, 8, 41, 2, 16),
            (8, 16, 41, 4, 16),
            (16, 32, 41, 4, 16),
            (32, 32, 41, 1, 16),
            (32, 32, 5, 1, 1),
        ]
        self.layers = nn.ModuleList()
        for i, (into, out, kernel, stride, groups) in enumerate(shapes):
            inputs = into * width if i else 1
            groups = min(groups, inputs)
            conv = nn.Conv1d(inputs, out * width, kernel, stride, kernel // 2, groups=groups)
            self.layers.append(norm(conv))
        self.verdict = norm(nn.Conv1d(32 * width, 1, 3, padding=1))

    def forward(self, sig: Tensor) -> Verdict:
        """(batch, samples) -> scores and features."""
        x = sig[:, None]
        for _ in range(self.halvings):
            x = F.avg_pool1d(x, 4, 2, 2)
        return _judged(x, self.layers, self.verdict)


class HiFiJury(nn.Module):
    """All judges together."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.judges = nn.ModuleList(
            [PeriodJudge(period, width) for period in PERIODS]
            + [ScaleJudge(halvings, width) for halvings in range(SCALES)]
        )

    def forward(self, sig: Tensor) -> list[Verdict]:
        """(batch, samples) -> a verdict each."""
        return [judge(sig) for judge in self.judges]
