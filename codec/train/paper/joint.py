"""Stage 5: from speech to decompressed features, all at once, the refiner too."""

from __future__ import annotations

import torch.nn.functional as F
from torch import nn

from codec.train.paper.speech import Batch
from codec.train.paper.stage import PaperStage


class JointStage(PaperStage):
    """MSE between the decompressed features and the teacher's, and the entropy term by the weight
    `entropy`. Only the decoder stays as it is."""

    name = "joint"

    def learning(self) -> list[nn.Module]:
        return [self.codec.encoder, self.codec.compressor, self.codec.decompressor]

    def learn(self, batch: Batch, progress: float) -> dict[str, float]:
        wanted = self.taught(batch)[-1]
        with self.autocast():
            feats, _ = self.codec.encoder(batch.heard, None)
        qfeats, entropy = self.through_codes(feats.float())
        features = F.mse_loss(qfeats, wanted)
        total = features + self.settings.weights["entropy"] * entropy
        self.descend("optimizer", total, progress)
        self.finish_step()
        return {"features": features.item(), "entropy": entropy.item()}
