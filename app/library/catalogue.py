"""The published models that Undertone knows where to get.

A revision (a commit of the repository) and the sha256 of each file belong here, and hold wherever
they stand. Where they are not known they are left out, not guessed: then the first download takes
the newest version and the sha256 the server tells of it, and both are written down beside the
models ("trust on first use", `library/records.py`); every later download must match them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.models import Quality

CONFIG, WEIGHTS = "config.json", "model.safetensors"
FILES = (CONFIG, WEIGHTS)
"""The only files ever asked for: data, and no program among it."""

_AUTHORS = "the authors' own figures, LibriSpeech test-clean, arXiv 2509.16195"


BUNDLED_QUALITY = Quality(
    utmos=None,
    dwer=0.17,
    similarity=0.879,
    source="measured here, 16 LibriSpeech speakers, Whisper-base and Resemblyzer",
)
"""README.md's table of figures, which names the command; other measures than the authors' own."""


@dataclass(frozen=True)
class Published:
    """A model others have published.

    `octets` is about what both files take: four bytes for each weight. `sha256` goes by file name.
    """

    name: str
    title: str
    repository: str
    model_id: int
    bits: int
    octets: int
    quality: Quality
    licence: str = "Apache-2.0"
    revision: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)


PUBLISHED: tuple[Published, ...] = (
    Published(
        "65k",
        "FocalCodec-Stream 65k",
        "lucadellalib/focalcodec_50hz_65k_causal",
        model_id=4,
        bits=16,
        octets=996_186_744,
        quality=Quality(utmos=3.85, dwer=0.0368, similarity=0.970, source=_AUTHORS),
    ),
    Published(
        "4k",
        "FocalCodec-Stream 4k",
        "lucadellalib/focalcodec_50hz_4k_causal",
        model_id=3,
        bits=12,
        octets=996_153_960,
        quality=Quality(utmos=3.87, dwer=0.0439, similarity=0.963, source=_AUTHORS),
    ),
    Published(
        "2k",
        "FocalCodec-Stream 2k",
        "lucadellalib/focalcodec_50hz_2k_causal",
        model_id=2,
        bits=11,
        octets=996_145_764,
        quality=Quality(utmos=3.88, dwer=0.0463, similarity=0.961, source=_AUTHORS),
    ),
)
"""Best first: where two ends have several in common, the earlier is taken."""
