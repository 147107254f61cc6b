from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from codec.errors import CodecError, ModelShapeMismatch
from codec.model.config import FocalCodecConfig
from codec.model.encoder import Encoder
from codec.train.paper.teacher import layer_outputs
from codec.train.teacher import TeacherMissing, TeacherUnreadable
from codec.train.wavlm import WavLM, causal_kernel, encoder_tensors, receptive_field, wavlm

KIND = {
    "model_type": "wavlm",
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "conv_bias": False,
}


@pytest.fixture(scope="module")
def sizes(recipe):
    return FocalCodecConfig.from_dict(recipe.model).encoder


@pytest.fixture(scope="module")
def sig():
    torch.manual_seed(1)
    return 0.2 * torch.randn(2, 12_800)


def published_names(weights: dict[str, torch.Tensor], taps: str) -> dict[str, torch.Tensor]:
    """The teacher's tensors as Hugging Face's library names and splits them."""
    out = {}
    names = {
        "feature_extractor.layers": "feature_extractor.conv_layers",
        "attention_norm": "layer_norm",
        "feed_forward_norm": "final_layer_norm",
        "feed_forward.in_proj": "feed_forward.intermediate_dense",
        "feed_forward.out_proj": "feed_forward.output_dense",
        "encoder.relative_embedding": "encoder.layers.0.attention.rel_attn_embed",
        "feature_proj.": "feature_projection.projection.",
        "encoder.positional_embedding": "encoder.pos_conv_embed",
    }
    for name, value in weights.items():
        if name.startswith("norm."):
            name = "feature_projection.layer_norm." + name.removeprefix("norm.")
        if ".norm." in name:
            name = name.replace(".norm.", ".layer_norm.")
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        if "qkv_proj" in name:
            for letter, share in zip("qkv", value.chunk(3), strict=True):
                out[name.replace("qkv_proj", letter + "_proj")] = share.clone()
        elif name == "encoder.pos_conv_embed.conv.weight":
            length = torch.linalg.vector_norm(value, dim=(0, 1), keepdim=True)
            first, second = taps.split()
            # Only the direction of the second counts.
            out["encoder.pos_conv_embed.conv." + first] = length
            out["encoder.pos_conv_embed.conv." + second] = 3.0 * value
        else:
            out[name] = value
    return out


@pytest.mark.parametrize(
    "taps",
    ["weight_g weight_v", "parametrizations.weight.original0 parametrizations.weight.original1"],
)
def test_a_folder_of_published_weights_is_read(wavlm_teacher, sizes, sig, tmp_path, taps):
    tensors = published_names(wavlm_teacher.weights.state_dict(), taps)
    (tmp_path / "config.json").write_text(json.dumps(KIND))
    if "parametrizations" in taps:
        save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    else:  # a whole model's names, in PyTorch's own format
        torch.save({f"wavlm.{k}": v for k, v in tensors.items()}, tmp_path / "pytorch_model.bin")
    read = wavlm(tmp_path, sizes)
    for mine, theirs in zip(read.features(sig), wavlm_teacher.features(sig), strict=True):
        torch.testing.assert_close(mine, theirs)
    assert not any(parameter.requires_grad for parameter in read.parameters())


def test_what_is_no_such_folder_is_said(wavlm_teacher, sizes, tmp_path):
    with pytest.raises(TeacherMissing, match=r"config\.json"):
        wavlm(tmp_path, sizes)
    (tmp_path / "config.json").write_text(json.dumps(KIND))
    with pytest.raises(TeacherMissing, match=r"pytorch_model\.bin"):
        wavlm(tmp_path, sizes)
    (tmp_path / "pytorch_model.bin").write_bytes(b"nothing of the kind")
    with pytest.raises(TeacherUnreadable, match="damaged"):
        wavlm(tmp_path, sizes)
    tensors = published_names(wavlm_teacher.weights.state_dict(), "weight_g weight_v")
    save_file({"feature_projection.layer_norm.bias": torch.ones(8)}, tmp_path / "model.safetensors")
    with pytest.raises(TeacherUnreadable, match="missing"):
        wavlm(tmp_path, sizes)
    tensors["encoder.layers.1.layer_norm.bias"] = torch.ones(3)
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ModelShapeMismatch, match=r"layers\.1"):
        wavlm(tmp_path, sizes)
    (tmp_path / "config.json").write_text(json.dumps(KIND | {"do_stable_layer_norm": False}))
    with pytest.raises(CodecError, match="do_stable_layer_norm"):
        wavlm(tmp_path, sizes)


def test_every_frame_sees_the_whole_utterance(wavlm_teacher, sig):
    changed = sig.clone()
    changed[:, -320:] += 0.5
    before, after = wavlm_teacher.features(sig)[-1], wavlm_teacher.features(changed)[-1]
    assert before.shape == (2, 40, wavlm_teacher.dim)
    assert (before - after).abs().amax(-1)[:, :8].min() > 1e-6


def test_the_student_begins_with_the_teachers_frames(wavlm_teacher, sizes, sig):
    student = Encoder(sizes).eval()
    student.load_state_dict(wavlm_teacher.student())
    seen = layer_outputs(student, sig)
    assert len(seen) == len(wavlm_teacher.features(sig)) == sizes.num_layers + 1
    torch.testing.assert_close(seen[-1], student(sig, None)[0])
    frames, _ = student.feature_extractor(sig[:, :, None], None)
    mine = student.feature_proj(student.norm(frames))
    padded = torch.cat([sig[:, :1].expand(-1, receptive_field(sizes) - 1), sig], dim=1)
    # Before the stream begins each layer repeats its own first frame, the teacher the wave's.
    torch.testing.assert_close(mine[:, 2:], wavlm_teacher._frames(padded)[:, 2:])


@pytest.mark.parametrize("taps", [8, 7])
def test_a_causal_kernel_gives_what_the_past_gave(taps):
    x = torch.randn(1, 1, 30)
    kernel = torch.randn(1, 1, taps)
    past = kernel.clone()
    past[..., taps // 2 + 1 :] = 0.0
    centred = torch.nn.functional.conv1d(x, past, padding=taps // 2)[..., :30]
    padded = torch.nn.functional.pad(x, (taps - 1, 0))
    causal = torch.nn.functional.conv1d(padded, causal_kernel(kernel))
    torch.testing.assert_close(causal, centred)


def test_the_published_checkpoint_has_an_encoder_of_these_names(reference: Path):
    from codec.model.config import EncoderConfig

    with torch.device("meta"):
        teacher = WavLM(EncoderConfig())
        ours = {f"encoder.{name}": tuple(value.shape) for name, value in teacher.student().items()}
    rows = [line.split("\t") for line in (reference / "state_dict_4k.tsv").read_text().splitlines()]
    theirs = {row[0] for row in rows if row[0].startswith("encoder.")}
    assert set(ours) == theirs


def test_it_computes_what_transformers_does(sizes, sig):
    """Against the library the weights were published for, at random weights."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    torch.manual_seed(5)
    config = transformers.WavLMConfig(
        **KIND,
        hidden_size=sizes.dim,
        num_hidden_layers=sizes.num_layers + 1,
        num_attention_heads=sizes.num_heads,
        intermediate_size=sizes.ffn_dim,
        conv_dim=sizes.hidden_dims,
        num_conv_pos_embeddings=sizes.conv_pos,
        num_conv_pos_embedding_groups=sizes.conv_pos_groups,
        initializer_range=0.3,
    )
    theirs = transformers.WavLMModel(config).eval()
    for name, parameter in theirs.named_parameters():
        if "gru_rel_pos" in name or "rel_attn_embed" in name:
            torch.nn.init.normal_(parameter)
    ours = WavLM(sizes).eval()
    ours.weights.load_state_dict(encoder_tensors(theirs.state_dict(), sizes.num_layers))
    padded = torch.cat([sig[:, :1].expand(-1, receptive_field(sizes) - 1), sig], dim=1)
    with torch.no_grad():
        hidden = theirs(padded, output_hidden_states=True).hidden_states
        mine = ours.features(sig)
    for one, other in zip(mine, hidden[:-1], strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
