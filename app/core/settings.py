"""What a person can choose, and the values that hold until they do."""

from __future__ import annotations

from dataclasses import dataclass

PRECISION_NAMES = ("auto", "float32", "float16", "bfloat16", "int8")
"""What a model's weights can be kept in; "auto" is what suits the model and the machine."""


@dataclass(frozen=True)
class Settings:
    """Device names are as the system gives them; None follows the system's default.

    `stun` and `turn` are server URLs (`stun:host:port`), empty by default: nothing is sent to
    anyone but the peer. `model` is the name of the codec model that is liked best. `profile` is one
    of `profile.PROFILE_NAMES`: how packets are filled. `precision` is one of PRECISION_NAMES: what
    models are kept in to run. `continuous` sends silence like speech. `cues` are short sounds for
    what happens in a call.
    """

    name: str = ""
    input_device: str | None = None
    output_device: str | None = None
    stun: str = ""
    turn: str = ""
    turn_user: str = ""
    turn_password: str = ""
    relay_only: bool = False
    model: str = "bundled"
    profile: str = "auto"
    precision: str = "auto"
    continuous: bool = False
    cues: bool = True
