"""Stage 4: features learn to pass through a few bits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from codec.train.paper.speech import Batch
from codec.train.paper.stage import PaperStage


class QuantizerStage(PaperStage):
    """MSE between the causal encoder's features before and after the codes, and the entropy term
    by the weight `entropy`. Compressor and decompressor learn, the refiner not yet."""

    name = "quantizer"

    def learning(self) -> list[nn.Module]:
        decompressor = self.codec.decompressor
        return [self.codec.compressor, decompressor.in_proj, decompressor.layers]

    def learn(self, batch: Batch, progress: float) -> dict[str, float]:
        with torch.no_grad(), self.autocast():
            feats, _ = self.codec.encoder(batch.heard, None)
        feats = feats.float()
        qfeats, entropy = self.through_codes(feats)
        features = F.mse_loss(qfeats, feats)
        total = features + self.settings.weights["entropy"] * entropy
        self.descend("optimizer", total, progress)
        self.finish_step()
        return {"features": features.item(), "entropy": entropy.item()}
