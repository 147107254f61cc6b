"""The bundled model's networks: FocalCodec-Stream's pipeline with lighter parts.

    wave -> log-mel -> causal ConvNeXt -> 16 signs on the unit sphere           (encoder)
         -> causal ConvNeXt -> chunk refiner -> 100 Hz ConvNeXt -> overlap-add  (decoder)

It keeps the interface of the full model (`codec.model.codec`): chunks of 4 frames, 50 codes a
second, a binary spherical quantiser, a chunk refiner in the decompressor. What is lighter: a
spectrum in place of the raw-wave convolutions, ConvNeXt blocks (arXiv 2201.03545) in place of
attention and focal modulation, and a magnitude-and-phase head (Vocos, arXiv 2306.00814).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.model.causal import CausalConv1d
from codec.model.codec import Codec, State
from codec.model.mel import fourier_basis, magnitudes, mel_filters
from codec.spec import BUNDLED_MODEL_ID, CHUNK_CODES, INPUT_RATE, CodecSpec

MEL_FRAME = 160
"""Samples between spectrum frames: 10 ms, two of them to a code."""


class LiteState(NamedTuple):
    """What a stack of causal blocks remembers: one context a block."""

    blocks: tuple[Tensor, ...]


class Block(nn.Module):
    """A causal ConvNeXt block: depthwise convolution, norm, two linear layers, residual."""

    def __init__(self, dim: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = CausalConv1d(dim, dim, kernel, groups=dim, past="zeros")
        self.norm = nn.LayerNorm(dim)
        self.expand = nn.Linear(dim, hidden)
        self.project = nn.Linear(hidden, dim)
        self.scale = nn.Parameter(torch.full((dim,), 0.1))

    def forward(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """(batch, time, dim) -> the same."""
        y, state = self.depthwise(x, state)
        y = self.project(F.gelu(self.expand(self.norm(y))))
        return x + self.scale * y, state


class ChunkMixer(nn.Module):
    """Lets the 4 frames of a chunk see each other: they arrive together, so it costs no delay.

    The refiner of FocalCodec-Stream (arXiv 2509.16195, section 2) with a narrower middle.
    """

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.expand = nn.Linear(CHUNK_CODES * dim, hidden)
        self.project = nn.Linear(hidden, CHUNK_CODES * dim)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 4·n, dim) -> the same."""
        chunks = self.norm(x).reshape(x.shape[0], -1, CHUNK_CODES * x.shape[2])
        return x + self.project(F.gelu(self.expand(chunks))).reshape(x.shape)


class Stack(nn.Module):
    """Blocks one after another, with a chunk mixer behind those named in `mixers`."""

    def __init__(
        self, dim: int, hidden: int, kernels: list[int], mixers: list[int], mixer_hidden: int
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(dim, hidden, kernel) for kernel in kernels)
        self.mixers = nn.ModuleDict({str(i): ChunkMixer(dim, mixer_hidden) for i in mixers})

    def forward(self, x: Tensor, state: LiteState | None) -> tuple[Tensor, LiteState]:
        """(batch, time, dim) -> the same."""
        contexts = []
        for i, block in enumerate(self.blocks):
            x, context = block(x, None if state is None else state.blocks[i])
            contexts.append(context)
            if str(i) in self.mixers:
                x = self.mixers[str(i)](x)
        return x, LiteState(tuple(contexts))


class Spectrum(nn.Module):
    """Log-mel bands and the lowest harmonics' bins, from windows that end at the frame's end."""

    basis: Tensor
    filters: Tensor

    def __init__(self, window: int, bands: int, low_bins: int) -> None:
        super().__init__()
        self.window, self.low_bins = window, low_bins
        self.dim = bands + low_bins
        self.register_buffer("basis", fourier_basis(window), persistent=False)
        self.register_buffer("filters", mel_filters(INPUT_RATE, window, bands), persistent=False)

    def forward(self, sig: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """(batch, 160·n) -> (batch, n, bands + low_bins), about zero mean and unit variance."""
        if state is None:
            state = sig.new_zeros(sig.shape[0], self.window - MEL_FRAME)
        sig = torch.cat([state, sig], dim=1)
        spectrum = magnitudes(sig.unfold(1, self.window, MEL_FRAME), self.basis)
        bands = spectrum @ self.filters.T
        both = torch.cat([bands * 8.0, spectrum[..., : self.low_bins] * 0.25], dim=-1)
        new_state = sig[:, sig.shape[1] - state.shape[1] :]
        return both.clamp_min(1e-4).log() * 0.5 + 1.0, new_state


class OverlapAdd(nn.Module):
    """Magnitude and phase of each 10 ms frame -> windows -> wave.

    The window is three hops long, so a sample is complete two hops after its first window: the
    wave lags the features by 20 ms. The state is the incomplete tail.
    """

    window: Tensor

    def __init__(self, dim: int, window: int) -> None:
        super().__init__()
        self.size = window
        self.head = nn.Linear(dim, 2 * (window // 2 + 1))
        hann = torch.hann_window(window)
        self.register_buffer("window", hann / (window / MEL_FRAME * 0.5), persistent=False)

    def forward(self, x: Tensor, tail: Tensor | None) -> tuple[Tensor, Tensor]:
        """(batch, n, dim) -> (batch, 160·n)."""
        log_magnitude, phase = self.head(x).float().chunk(2, dim=-1)
        magnitude = log_magnitude.clamp_max(7.0).exp()
        spectrum = torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
        windows = torch.fft.irfft(spectrum, n=self.size, dim=-1) * self.window
        batch, frames, _ = windows.shape
        total = (frames - 1) * MEL_FRAME + self.size
        wave = F.fold(
            windows.transpose(1, 2), (1, total), (1, self.size), stride=(1, MEL_FRAME)
        ).reshape(batch, total)
        if tail is not None:
            wave = torch.cat([wave[:, : tail.shape[1]] + tail, wave[:, tail.shape[1] :]], dim=1)
        ready = frames * MEL_FRAME
        return wave[:, :ready].clamp(-1.0, 1.0), wave[:, ready:]


class LiteCodec(Codec):
    """The bundled model. `config` is the `config.json` beside its weights."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        c = config
        self.bits: int = c["bits"]
        delay: int = c["wave_window"] - MEL_FRAME
        self.spec = CodecSpec(c["name"], BUNDLED_MODEL_ID, self.bits, INPUT_RATE, delay)
        self.spectrum = Spectrum(c["window"], c["bands"], c["low_bins"])
        self.encoder_in = nn.Linear(2 * self.spectrum.dim, c["encoder_dim"])
        self.encoder = Stack(
            c["encoder_dim"],
            c["encoder_hidden"],
            c["encoder_kernels"],
            c["encoder_mixers"],
            c["mixer_hidden"],
        )
        self.encoder_norm = nn.LayerNorm(c["encoder_dim"])
        self.encoder_out = nn.Linear(c["encoder_dim"], self.bits)
        self.decompressor_in = nn.Linear(self.bits, c["decoder_dim"])
        self.decompressor = Stack(
            c["decoder_dim"],
            c["decoder_hidden"],
            c["decoder_kernels"],
            c["decoder_mixers"],
            c["mixer_hidden"],
        )
        self.decompressor_norm = nn.LayerNorm(c["decoder_dim"])
        self.upsample = nn.Linear(c["decoder_dim"], 2 * c["vocoder_dim"])
        self.vocoder = Stack(c["vocoder_dim"], c["vocoder_hidden"], c["vocoder_kernels"], [], 0)
        self.vocoder_norm = nn.LayerNorm(c["vocoder_dim"])
        self.overlap_add = OverlapAdd(c["vocoder_dim"], c["wave_window"])
        self.register_buffer("powers", 2 ** torch.arange(self.bits - 1, -1, -1), persistent=False)

    powers: Tensor

    def latents(self, sig: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(batch, 1280·n) samples -> (batch, 4·n, bits) points on the unit sphere."""
        spectrum_state, stack_state = state if state is not None else (None, None)
        x, spectrum_state = self.spectrum(sig, spectrum_state)
        x = self.encoder_in(x.reshape(x.shape[0], x.shape[1] // 2, -1))
        x, stack_state = self.encoder(x, stack_state)
        lats = self.encoder_out(self.encoder_norm(x)).float()
        return F.normalize(lats, dim=-1), (spectrum_state, stack_state)

    def encode(self, sig: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(batch, 1280·n) samples at 16 kHz -> (batch, 4·n) codes; bit i is latent i > 0."""
        lats, state = self.latents(sig, state)
        return ((lats > 0).long() * self.powers).sum(-1), state

    def signs(self, codes: Tensor) -> Tensor:
        """(batch, frames) codes -> (batch, frames, bits) of ±1/√bits."""
        bits = (codes.unsqueeze(-1) & self.powers) > 0
        return (bits.float() * 2.0 - 1.0) / math.sqrt(self.bits)

    def dequantize(self, codes: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(batch, 4·n) codes -> (batch, 4·n, dim) features."""
        return self.decompress(self.signs(codes), state)

    def decompress(self, signs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(batch, 4·n, bits) signs -> (batch, 4·n, dim) features."""
        x, state = self.decompressor(self.decompressor_in(signs), state)
        return self.decompressor_norm(x), state

    def vocode(self, qfeats: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(batch, 4·n, dim) features -> (batch, 1280·n) samples at 16 kHz, 20 ms late."""
        stack_state, tail = state if state is not None else (None, None)
        x = self.upsample(qfeats)
        x = x.reshape(x.shape[0], x.shape[1] * 2, -1)
        x, stack_state = self.vocoder(x, stack_state)
        wave, tail = self.overlap_add(self.vocoder_norm(x), tail)
        return wave, (stack_state, tail)
