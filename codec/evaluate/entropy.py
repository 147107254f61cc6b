"""How much of its bits a model uses: the entropy of its tokens.

A token of b bits can carry b bits; it carries less where bits are biased or hang together, and
that part of the rate is wasted. With 16 bits there are 65,536 tokens, and a few minutes of speech
hold fewer tokens than that, so no count of tokens tells their entropy outright. Given here are
figures that do not pretend to:

- `bits`: the sum of each bit's own entropy. Each is estimated from all tokens, so it is sharp, but
  it is blind to bits that go together: the entropy is at most this.
- `tree`: the same less the mutual information along the best tree of pairs of bits (C. Chow and
  C. Liu, "Approximating discrete probability distributions with dependence trees", 1968). As sharp,
  and a lower ceiling: the entropy is at most this.
- `counted`: the plug-in entropy of the tokens. Too low in the mean, ever (G. Basharin, 1959), and
  never above log2 of the number of tokens: the entropy is at least this.
- `estimate`: Chao and Shen's, which weighs what was seen by the share of tokens that are likely to
  have been seen at all (A. Chao, T.-J. Shen, "Nonparametric estimation of Shannon's index of
  diversity when there are unseen species in sample", 2003), kept between floor and ceiling. With
  few tokens it is a guess between the two, and errs to the low side where most of what can be said
  has not been heard yet, which is why the two stand beside it.

All of it is of single tokens: what hangs together from one token to the next is not looked at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TokenEntropy:
    """Entropies of tokens, each in bits a token; see the module for what each one says."""

    tokens: int
    available: int
    bits: float
    tree: float
    counted: float
    estimate: float

    def share(self, entropy: float) -> float:
        """One of the entropies as a share of the bits available, 0 to 1."""
        return entropy / self.available


def token_entropy(tokens: NDArray[np.integer], bits: int) -> TokenEntropy:
    """(n,) tokens of so many bits each -> their entropies; NaN where there is no token."""
    if len(tokens) == 0:
        nan = float("nan")
        return TokenEntropy(0, bits, nan, nan, nan, nan)
    planes = (np.asarray(tokens, np.int64)[:, None] >> np.arange(bits)) & 1
    alone, shared = _bit_entropies(planes), _mutual_information(planes)
    ceiling = float(alone.sum())
    tree = max(0.0, ceiling - _heaviest_tree(shared))
    counts = np.unique(tokens, return_counts=True)[1]
    counted = _entropy(counts / len(tokens))
    estimate = min(max(_chao_shen(counts), counted), max(tree, counted))
    return TokenEntropy(len(tokens), bits, ceiling, tree, counted, estimate)


def _entropy(shares: NDArray[np.floating]) -> float:
    """Of a distribution, in bits."""
    some = shares[shares > 0]
    return float(-(some * np.log2(some)).sum()) + 0.0


def _bit_entropies(planes: NDArray[np.integer]) -> NDArray[np.floating]:
    ones = planes.mean(axis=0)
    return np.array([_entropy(np.array([share, 1 - share])) for share in ones])


def _mutual_information(planes: NDArray[np.integer]) -> NDArray[np.floating]:
    """(bits, bits): what each pair of bits has in common, less what chance alone would give."""
    count, bits = planes.shape
    alone = _bit_entropies(planes)
    shared = np.zeros((bits, bits))
    for i in range(bits):
        for j in range(i):
            cells = np.bincount(2 * planes[:, i] + planes[:, j], minlength=4) / count
            chance = 1 / (2 * count * math.log(2))  # Miller-Madow: (4 - 2 - 2 + 1) / 2n
            shared[i, j] = max(0.0, alone[i] + alone[j] - _entropy(cells) - chance)
    return shared + shared.T


def _heaviest_tree(shared: NDArray[np.floating]) -> float:
    """The weight of the heaviest spanning tree (Prim)."""
    weight, joined = 0.0, {0}
    reach = shared[0].copy()
    while len(joined) < len(shared):
        outside = [i for i in range(len(shared)) if i not in joined]
        nearest = max(outside, key=lambda i: float(reach[i]))
        weight += float(reach[nearest])
        joined.add(nearest)
        reach = np.maximum(reach, shared[nearest])
    return weight


def _chao_shen(counts: NDArray[np.integer]) -> float:
    """Counts of each token seen -> entropy in bits, with a part for the tokens not yet seen."""
    total = int(counts.sum())
    once = int((counts == 1).sum())
    if once == total:  # nothing seen twice: the coverage cannot be told; one pair is the least
        once = total - 1
    likely = (1 - once / total) * counts / total
    if not likely.all():
        return 0.0
    seen = 1 - (1 - likely) ** total
    return float(-(likely * np.log2(likely) / seen).sum()) + 0.0
