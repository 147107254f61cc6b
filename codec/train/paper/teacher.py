"""What a stage asks of its teacher, and the same of the student."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

from codec.model.encoder import Encoder


class Teacher(Protocol):
    """A network with full context whose layers the causal encoder learns to follow."""

    dim: int
    """Channels of the features."""
    rate: int
    """Samples a second of the speech it takes."""

    def features(self, sig: Tensor) -> list[Tensor]:
        """(batch, 320·n) -> what enters the first layer, then each layer's output.

        Each is (batch, n, dim).
        """
        ...

    def student(self) -> dict[str, Tensor]:
        """The weights the codec's causal `Encoder` begins with, by its own names."""
        ...


def layer_outputs(encoder: Encoder, sig: Tensor) -> list[Tensor]:
    """The same of the causal encoder: (batch, 1280·n) -> `num_layers + 1` of (batch, 4·n, dim)."""
    seen: list[Tensor] = []

    def see(_: nn.Module, __: object, output: tuple[Tensor, object]) -> None:
        seen.append(output[0])

    watched = [encoder.encoder.positional_embedding, *encoder.encoder.layers]
    hooks = [module.register_forward_hook(see) for module in watched]
    try:
        encoder(sig, None)
    finally:
        for hook in hooks:
            hook.remove()
    return seen
