"""Stage 2: the positional convolution learns to do without the future."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from codec.train.paper.speech import Batch
from codec.train.paper.stage import PaperStage


class PositionalStage(PaperStage):
    """MSE between what enters the teacher's first layer and the student's, all but the
    convolution fixed. It begins with the past half of the teacher's kernel."""

    name = "positional"

    def learning(self) -> list[nn.Module]:
        return [self.codec.encoder.encoder.positional_embedding]

    def learn(self, batch: Batch, progress: float) -> dict[str, float]:
        encoder = self.codec.encoder
        wanted = self.taught(batch)[0]
        with self.autocast():
            with torch.no_grad():
                x, _ = encoder.feature_extractor(batch.heard[:, :, None], None)
                x = encoder.feature_proj(encoder.norm(x))
            positioned, _ = encoder.encoder.positional_embedding(x, None)
        loss = F.mse_loss(positioned.float(), wanted)
        self.descend("optimizer", loss, progress)
        self.finish_step()
        return {"positional": loss.item()}
