"""The bundled model's networks: FocalCodec-Stream's pipeline with lighter parts.

    wave -> log-mel -> causal ConvNeXt -> 16 signs on the unit sphere           (encoder)
         -> causal ConvNeXt -> chunk refiner -> 100 Hz ConvNeXt -> overlap-add  (decoder)

It keeps the interface of the full model (`codec.model.codec`): chunks of 4 frames, 50 codes a
second, a binary spherical quantiser, a chunk refiner in the decompressor. What is lighter: a
spectrum in place of the raw-wave convolutions, ConvNeXt blocks (arXiv 2201.03545) in place of
attention and focal modulation, and a magnitude-and-phase head (Vocos, arXiv 2306.00814).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.model.causal import CausalConv1d
from codec.model.codec import Codec, State, check_codes, check_speech
from codec.model.lite_config import MEL_FRAME, LiteConfig
from codec.model.mel import hann, magnitudes, mel_filters
from codec.model.quantizer import BinarySphericalQuantizer
from codec.spec import CHUNK_CODES, INPUT_RATE, LITE_MODEL_ID, CodecSpec


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
        self,
        dim: int,
        hidden: int,
        kernels: Sequence[int],
        mixers: Sequence[int] = (),
        mixer_hidden: int = 0,
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

    window: Tensor
    filters: Tensor

    def __init__(self, window: int, bands: int, low_bins: int) -> None:
        super().__init__()
        self.size, self.low_bins = window, low_bins
        self.dim = bands + low_bins
        self.register_buffer("window", hann(window), persistent=False)
        self.register_buffer("filters", mel_filters(INPUT_RATE, window, bands), persistent=False)

    def forward(self, sig: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """(batch, 160·n) -> (batch, n, bands + low_bins), about zero mean and unit variance."""
        if state is None:
            state = sig.new_zeros(sig.shape[0], self.size - MEL_FRAME)
        sig = torch.cat([state, sig], dim=1)
        spectrum = magnitudes(sig.unfold(1, self.size, MEL_FRAME), self.window)
        bands = spectrum @ self.filters.T
        both = torch.cat([bands * 8.0, spectrum[..., : self.low_bins] * 0.25], dim=-1)
        new_state = sig[:, sig.shape[1] - state.shape[1] :]
        return both.clamp_min(1e-4).log() * 0.5 + 1.0, new_state


class OverlapAdd(nn.Module):
    """Magnitude and phase of each 10 ms frame -> windows -> wave.

    A window is several hops long, so a sample is complete that many hops less one after its first
    window: with three, the wave lags the features by 20 ms. The state is the incomplete tail.
    """

    window: Tensor

    def __init__(self, dim: int, window: int) -> None:
        super().__init__()
        self.size, self.hops = window, window // MEL_FRAME
        self.head = nn.Linear(dim, 2 * (window // 2 + 1))
        self.register_buffer("window", hann(window) * (2.0 / self.hops), persistent=False)

    def forward(self, x: Tensor, tail: Tensor | None) -> tuple[Tensor, Tensor]:
        """(batch, n, dim) -> (batch, 160·n)."""
        log_magnitude, phase = self.head(x).float().chunk(2, dim=-1)
        spectrum = torch.polar(log_magnitude.clamp_max(7.0).exp(), phase)
        windows = torch.fft.irfft(spectrum, n=self.size, dim=-1) * self.window
        batch, frames, _ = windows.shape
        overlap = self.hops - 1
        if tail is None:
            tail = windows.new_zeros(batch, overlap * MEL_FRAME)
        hops = F.pad(tail.view(batch, overlap, MEL_FRAME), (0, 0, 0, frames))
        parts = windows.view(batch, frames, self.hops, MEL_FRAME)
        for i in range(self.hops):
            hops[:, i : i + frames] += parts[:, :, i]
        wave = hops.view(batch, -1)
        ready = frames * MEL_FRAME
        return wave[:, :ready].clamp(-1.0, 1.0), wave[:, ready:]


class LiteCodec(Codec):
    """The bundled model. `config` is the `config.json` beside its weights.

    Raises ModelConfigInvalid where that is not a config of this family.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        c = LiteConfig.from_dict(config)
        self.spec = CodecSpec(
            c.name, LITE_MODEL_ID, c.bits, INPUT_RATE, delay_samples=c.wave_window - MEL_FRAME
        )
        self.rates = c.rates
        self.spectrum = Spectrum(c.window, c.bands, c.low_bins)
        self.encoder_in = nn.Linear(2 * self.spectrum.dim, c.encoder_dim)
        self.encoder = Stack(
            c.encoder_dim, c.encoder_hidden, c.encoder_kernels, c.encoder_mixers, c.mixer_hidden
        )
        self.encoder_norm = nn.LayerNorm(c.encoder_dim)
        self.encoder_out = nn.Linear(c.encoder_dim, c.bits)
        self.quantizer = BinarySphericalQuantizer(c.bits)
        self.decompressor_in = nn.Linear(c.bits, c.decoder_dim)
        self.decompressor = Stack(
            c.decoder_dim, c.decoder_hidden, c.decoder_kernels, c.decoder_mixers, c.mixer_hidden
        )
        self.decompressor_norm = nn.LayerNorm(c.decoder_dim)
        self.upsample = nn.Linear(c.decoder_dim, 2 * c.vocoder_dim)
        self.vocoder = Stack(c.vocoder_dim, c.vocoder_hidden, c.vocoder_kernels)
        self.vocoder_norm = nn.LayerNorm(c.vocoder_dim)
        self.overlap_add = OverlapAdd(c.vocoder_dim, c.wave_window)

    def latents(self, sig: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(batch, 1280·n) samples -> (batch, 4·n, bits) points on the unit sphere."""
        spectrum_state, stack_state = state if state is not None else (None, None)
        x, spectrum_state = self.spectrum(sig, spectrum_state)
        x = self.encoder_in(x.reshape(x.shape[0], x.shape[1] // 2, -1))
        x, stack_state = self.encoder(x, stack_state)
        lats = self.encoder_out(self.encoder_norm(x)).float()
        return self.quantizer.to_sphere(lats), (spectrum_state, stack_state)

    def encode(self, sig: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(batch, 1280·n) samples at 16 kHz -> (batch, 4·n) codes; bit i is latent i > 0."""
        check_speech(sig)
        lats, state = self.latents(sig, state)
        return self.quantizer.to_codes(lats), state

    def dequantize(self, codes: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(batch, 4·n) codes -> (batch, 4·n, dim) features."""
        check_codes(codes)
        return self.decompress(self.quantizer.to_vectors(codes), state)

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
