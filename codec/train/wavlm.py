"""WavLM (arXiv 2110.13900) as the teacher: its first layers over the whole utterance.

The weights come from a local folder as Hugging Face's library keeps them (`config.json` with
`model.safetensors` or `pytorch_model.bin`), such as that of microsoft/wavlm-large. The layers are
those of the codec's encoder, which is WavLM made causal; only what a frame sees is different here.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.model.config import EncoderConfig
from codec.model.encoder import AttentionState, ConvBlock, Encoder, relative_buckets
from codec.safetensors_file import read_tensors
from codec.spec import INPUT_RATE
from codec.train.teacher import TeacherMissing, TeacherUnreadable
from codec.weights import check_finite, check_tensors

_KIND = {
    "model_type": "wavlm",
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "conv_bias": False,
}
"""What WavLM-large's config.json says, and the smaller models' does not."""

_POSITIONAL = "encoder.positional_embedding.conv.weight"


class WavLM(nn.Module):
    """The first layers of WavLM with full context, a frame each 20 ms; satisfies `Teacher`.

    The wave goes in as it is, not scaled to unit variance: a stream's variance is not known
    before its end, and the student has to see what the teacher sees.
    """

    rate = INPUT_RATE

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.dim = config.dim
        self.weights = Encoder(config)
        self._max_distance = config.max_distance
        self._context = receptive_field(config) - 1

    def features(self, sig: Tensor) -> list[Tensor]:
        """(batch, 320·n) samples -> what enters the first layer and what each layer gives.

        Each is (batch, n, dim). Frame i of the convolutions ends with sample 320·i, as it does in
        the causal encoder, so that a student with the same weights begins with the same frames;
        before the first sample stands that sample repeated.
        """
        before = sig[:, :1].expand(-1, self._context)
        x = self._positioned(self._frames(torch.cat([before, sig], dim=1)))
        bias = self._relative_bias(x.shape[1])
        everything = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=x.device)
        outputs = [x]
        for layer in self.weights.encoder.layers:
            x, _ = layer(x, bias, everything, self._no_past(x))
            outputs.append(x)
        return outputs

    def student(self) -> dict[str, Tensor]:
        """The weights with which a causal encoder of the same sizes begins."""
        tensors = {key: value.clone() for key, value in self.weights.state_dict().items()}
        tensors[_POSITIONAL] = causal_kernel(tensors[_POSITIONAL])
        return tensors

    def _frames(self, sig: Tensor) -> Tensor:
        """(batch, samples) -> (batch, frames, dim), without a padding."""
        x = sig[:, None]
        for block in self.weights.feature_extractor.layers:
            assert isinstance(block, ConvBlock)
            x = F.conv1d(x, block.conv.weight, stride=block.conv.stride)
            x = F.gelu(block.norm(x.transpose(1, 2))).transpose(1, 2)
        return self.weights.feature_proj(self.weights.norm(x.transpose(1, 2)))

    def _positioned(self, x: Tensor) -> Tensor:
        conv = self.weights.encoder.positional_embedding.conv
        half = conv.weight.shape[2] // 2
        y = F.conv1d(x.transpose(1, 2), conv.weight, conv.bias, padding=half, groups=conv.groups)
        return x + F.gelu(y.transpose(1, 2)[:, : x.shape[1]])

    def _relative_bias(self, frames: int) -> Tensor:
        embedding = self.weights.encoder.relative_embedding
        at = torch.arange(frames, device=embedding.weight.device)
        offset = at - at[:, None]
        buckets = relative_buckets(offset, embedding.num_embeddings, self._max_distance)
        return embedding(buckets).permute(2, 0, 1)

    def _no_past(self, x: Tensor) -> AttentionState:
        heads = self.weights.encoder.num_heads
        nothing = x.new_zeros(x.shape[0], heads, 0, x.shape[2] // heads)
        return AttentionState(nothing, nothing, torch.zeros_like(x[:, 0, 0], dtype=torch.int64))


def receptive_field(config: EncoderConfig) -> int:
    """Samples that one frame of the convolutions is made of."""
    field = 1
    for kernel, stride in zip(reversed(config.kernel_sizes), reversed(config.strides), strict=True):
        field = (field - 1) * stride + kernel
    return field


def causal_kernel(weight: Tensor) -> Tensor:
    """A centred kernel (…, taps) as a causal one: each tap of the past and the present stays at
    its distance, the future's are left out, and what is yet further back begins at zero."""
    taps = weight.shape[-1]
    kept = weight[..., : taps // 2 + 1]
    return F.pad(kept, (taps - kept.shape[-1], 0))


def wavlm(folder: Path, config: EncoderConfig) -> WavLM:
    """The teacher with the weights in `folder`, frozen.

    Raises TeacherMissing, TeacherUnreadable, or a ModelError where the weights do not fit.
    """
    _check_kind(folder)
    path, found = _read(folder)
    model = WavLM(config)
    try:
        tensors = encoder_tensors(found, config.num_layers)
    except KeyError as error:
        raise TeacherUnreadable(f"{path} is no WavLM: the tensor {error} is missing.") from error
    check_tensors(model.weights.state_dict(), tensors, path)
    check_finite(tensors, path)
    model.weights.load_state_dict(tensors)
    return model.eval().requires_grad_(False)


def encoder_tensors(tensors: dict[str, Tensor], layers: int) -> dict[str, Tensor]:
    """WavLM's tensors, by Hugging Face's names, as the codec's `Encoder` names them.

    Only the first `layers` layers are taken. Raises KeyError with the name that is missing.
    """
    found = {name.removeprefix("wavlm."): value.float() for name, value in tensors.items()}
    named = {_POSITIONAL: _positional_kernel(found)}

    def take(ours: str, theirs: str, kinds: tuple[str, ...] = ("weight", "bias")) -> None:
        for kind in kinds:
            named[f"{ours}.{kind}"] = found[f"{theirs}.{kind}"]

    convs = [name for name in found if name.startswith("feature_extractor.conv_layers.")]
    for i in sorted({int(name.split(".")[2]) for name in convs}):
        ours, theirs = f"feature_extractor.layers.{i}", f"feature_extractor.conv_layers.{i}"
        take(f"{ours}.conv", f"{theirs}.conv", ("weight",))
        take(f"{ours}.norm", f"{theirs}.layer_norm")
    take("norm", "feature_projection.layer_norm")
    take("feature_proj", "feature_projection.projection")
    take("encoder.positional_embedding.conv", "encoder.pos_conv_embed.conv", ("bias",))
    # The first layer holds the embedding of distances that all layers share.
    shared = "encoder.layers.0.attention.rel_attn_embed"
    take("encoder.relative_embedding", shared, ("weight",))
    for i in range(layers):
        layer = f"encoder.layers.{i}"
        take(f"{layer}.attention_norm", f"{layer}.layer_norm")
        take(f"{layer}.feed_forward_norm", f"{layer}.final_layer_norm")
        take(f"{layer}.feed_forward.in_proj", f"{layer}.feed_forward.intermediate_dense")
        take(f"{layer}.feed_forward.out_proj", f"{layer}.feed_forward.output_dense")
        attention = f"{layer}.attention"
        take(f"{attention}.out_proj", f"{attention}.out_proj")
        take(f"{attention}.gru_rel_pos_linear", f"{attention}.gru_rel_pos_linear")
        take(attention, attention, ("gru_rel_pos_const",))
        for kind in ("weight", "bias"):
            parts = [found[f"{attention}.{part}_proj.{kind}"] for part in "qkv"]
            named[f"{attention}.qkv_proj.{kind}"] = torch.cat(parts)
    return named


def _positional_kernel(found: dict[str, Tensor]) -> Tensor:
    """The kernel of the positional convolution, which is stored as direction and length by tap."""
    conv = "encoder.pos_conv_embed.conv."
    if conv + "weight" in found:
        return found[conv + "weight"]
    if conv + "weight_g" in found:  # as torch named them before version 2
        length, direction = found[conv + "weight_g"], found[conv + "weight_v"]
    else:
        length = found[conv + "parametrizations.weight.original0"]
        direction = found[conv + "parametrizations.weight.original1"]
    return direction * length / torch.linalg.vector_norm(direction, dim=(0, 1), keepdim=True)


def _check_kind(folder: Path) -> None:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        said = {name: config.get(name) for name in _KIND}
    except OSError:
        raise TeacherMissing(
            f"There is no {path}. The teacher is a folder with WavLM-large as Hugging Face's "
            "library keeps it: config.json, and model.safetensors or pytorch_model.bin."
        ) from None
    except (ValueError, AttributeError) as error:
        raise TeacherUnreadable(f"{path} is damaged ({error}).") from error
    for name, value in _KIND.items():
        if said[name] != value:
            raise TeacherUnreadable(
                f"{path} is not of the kind of WavLM-large: {name} is {said[name]!r}, "
                f"not {value!r}."
            )


def _read(folder: Path) -> tuple[Path, dict[str, Tensor]]:
    path = folder / "model.safetensors"
    if path.exists():
        return path, read_tensors(path)
    path = folder / "pytorch_model.bin"
    try:
        # Tensors and nothing else: whatever could run is refused.
        return path, torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise TeacherMissing(
            f"There is neither model.safetensors nor pytorch_model.bin in {folder}."
        ) from None
    except (RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise TeacherUnreadable(f"{path} is damaged, or holds more than weights.") from error
