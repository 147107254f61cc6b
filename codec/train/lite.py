"""Training of the bundled model: encoder, quantiser and decoder together, end to end."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.model.lite import LiteCodec
from codec.model.nested import kept_bits
from codec.safetensors_file import read_tensors
from codec.train.data import Speech
from codec.train.losses import (
    SpectralLoss,
    VoiceLoss,
    WordLoss,
    bit_entropy,
    straight_through_signs,
)
from codec.train.run import Optimisation, Stage, part
from codec.weights import load


@dataclass(frozen=True)
class Recipe:
    """What a step sees and minimises. `seconds` are of audio, per crop.

    `rates` maps bits a code to how often a crop is trained at them. `word_crops` of each batch
    are judged by the teacher's hearing of the output. `carried_share` of the batches begin with
    the state that other speech left.
    """

    batch: int
    seconds: float
    rates: dict[str, float]
    teacher_layer: int
    teacher_weight: float
    mel_weight: float
    stft_weight: float
    entropy_weight: float
    voice_weight: float
    word_weight: float
    word_crops: int
    carried_share: float
    bf16: bool


class Heads(nn.Module):
    """What is needed in training only: a view of the features as the teacher's."""

    def __init__(self, dim: int, teacher_dim: int) -> None:
        super().__init__()
        self.teacher = nn.Linear(dim, teacher_dim)


def optimisation(settings: dict[str, Any]) -> Optimisation:
    """The part of a configuration's `training` that says how the optimiser moves."""
    names = {field.name for field in fields(Optimisation)}
    return Optimisation(**{key: value for key, value in settings.items() if key in names})


def recipe(settings: dict[str, Any]) -> Recipe:
    """The part that says what is minimised."""
    names = [field.name for field in fields(Recipe)]
    return Recipe(**{name: settings[name] for name in names})


class Training(Stage):
    """The whole model, by spectra, words and voice.

    `words` judges the output by its words; without it that loss is left out.
    """

    model: LiteCodec

    def __init__(
        self,
        config: dict[str, Any],
        teacher_dim: int,
        words: WordLoss | None = None,
        device: str = "cpu",
    ) -> None:
        self.recipe = recipe(config["training"])
        self.heads = Heads(config["model"]["decoder_dim"], teacher_dim)
        super().__init__(
            config,
            optimisation(config["training"]),
            LiteCodec(config["model"]),
            {"heads": self.heads},
            device,
        )
        self._spectral = SpectralLoss().to(self.device)
        self._voice = VoiceLoss().to(self.device)
        self._words = words
        self._left: tuple[Any, Any, Any] | None = None
        self.optimise("optimizer", self.trained())

    @property
    def seconds_per_step(self) -> float:
        return self.recipe.batch * self.recipe.seconds

    def trained(self) -> list[nn.Parameter]:
        """The parameters that learn."""
        return [*self.model.parameters(), *self.heads.parameters()]

    def learn(self, batch: Speech, progress: float) -> dict[str, float]:
        """One optimiser step; `progress` is the run's, 0 to 1. Gives each loss."""
        losses, _ = self.losses(batch.to(self.device))
        self.descend("optimizer", self.total(losses), progress)
        self.finish_step()
        return {key: value.item() for key, value in losses.items()}

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        """The losses' weighted sum."""
        weighted = [getattr(self.recipe, f"{name}_weight") * x for name, x in losses.items()]
        return torch.stack(weighted).sum()

    def losses(
        self, speech: Speech, kept: Tensor | None = None
    ) -> tuple[dict[str, Tensor], Tensor]:
        """One batch's losses, and the wave made, aligned with all of `wanted` but its end.

        `kept` says which bits of each crop's codes the decoder gets; else chance does.
        """
        states = self._beginning(len(speech.heard))
        kept = self._kept(len(speech.heard)) if kept is None else kept
        with self.autocast():
            lats, state = self.model.latents(speech.heard, states[0])
            vectors = straight_through_signs(lats, kept)
            qfeats, features_state = self.model.decompress(vectors, states[1])
            made, wave_state = self.model.vocode(qfeats, states[2])
            seen = self.heads.teacher(qfeats)
        self._left = _detached((state, features_state, wave_state))
        made = made[:, self.model.spec.delay_samples :].float()
        true = speech.wanted[:, : made.shape[1]]
        mel, stft = self._spectral(made, true)
        losses = {
            "mel": mel,
            "stft": stft,
            "teacher": F.mse_loss(seen.float(), speech.teacher),
            "entropy": bit_entropy(lats, 4.0),
            "voice": self._voice(made, true),
        }
        if self._words and self.recipe.word_weight:
            few = slice(self.recipe.word_crops)
            with self.autocast():
                losses["word"] = self._words(made[few], true[few])
        return losses, made

    def autocast(self) -> torch.autocast:
        """bfloat16 where the recipe wants it."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bf16)

    def order_bits(self, speech: Speech) -> None:
        """Put the quantiser's latents in order, the most telling first.

        One that may be left out at the lower rates should be one that is missed least: it is the
        one whose absence raises the spectral and the teacher's loss least.
        """
        bits = self.model.spec.bits_per_code
        rises = []
        for bit in range(bits):
            kept = (torch.arange(bits) != bit).float()[None, None].expand(len(speech.heard), 1, -1)
            with torch.no_grad():
                losses, _ = self.losses(speech.to(self.device), kept.to(self.device))
            rises.append(float(losses["mel"] + losses["teacher"]))
        order = torch.tensor(rises).argsort(descending=True).to(self.device)
        with torch.no_grad():
            for weight in (self.model.encoder_out.weight, self.model.encoder_out.bias):
                weight.copy_(weight[order])
            self.model.decompressor_in.weight.copy_(self.model.decompressor_in.weight[:, order])
        self.average = {k: v.detach().clone() for k, v in self.model.state_dict().items()}

    def _kept(self, count: int) -> Tensor:
        """Which bits the decoder gets of each crop, by chance: (count, 1, bits)."""
        rates = [int(bits) for bits in self.recipe.rates]
        chance = torch.tensor(list(self.recipe.rates.values()))
        chosen = torch.multinomial(chance, count, replacement=True)
        masks = torch.stack([kept_bits(bits, self.model.spec.bits_per_code) for bits in rates])
        return masks[chosen][:, None].to(self.device)

    def _beginning(self, count: int) -> tuple[Any, Any, Any]:
        """The states a batch begins with: none, or what the last batch's speakers left.

        A stream has no silence before it but once; an hour later its contexts are full of other
        speech. What the last wave still has to say, 20 ms, lies before what the losses see.
        """
        if (
            self._left is not None
            and float(torch.rand(())) < self.recipe.carried_share
            and len(_first_tensor(self._left)) == count
        ):
            return self._left
        return None, None, None

    def begin_from(self, folder: Path, beside: Path | None = None) -> None:
        """Begin a run of its own with the averaged weights of another, or with an exported model.

        What was trained beside them, the heads and the jury, is taken from that run or from the
        file `beside` that `export` wrote, as far as it is there; else it begins anew. Raises a
        `CodecError`.
        """
        checkpoint = folder / "last.safetensors"
        if checkpoint.exists():
            trained = read_tensors(checkpoint)
            weights = part(trained, "average")
        else:
            trained = {} if beside is None else read_tensors(beside)
            weights = load(folder).state_dict()
        self.model.load_state_dict(weights)
        self.average = {key: value.clone().to(self.device) for key, value in weights.items()}
        for name, module in self.modules.items():
            if module is not self.model and (found := part(trained, name)):
                module.load_state_dict(found)


def _detached(state: Any) -> Any:
    """The nested tuples of a state, their tensors without history."""
    if isinstance(state, Tensor):
        return state.detach()
    made = [_detached(item) for item in state]
    return type(state)(*made) if hasattr(state, "_fields") else tuple(made)


def _first_tensor(state: Any) -> Tensor:
    return state if isinstance(state, Tensor) else _first_tensor(state[0])
