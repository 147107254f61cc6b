"""How many of a machine's cores the call's model may use at once."""

from __future__ import annotations

import torch


class Cores:
    """torch counts its threads by the thread that asks for them: each that computes `follow`s."""

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads

    def follow(self) -> None:
        """Let the calling thread compute on so many from now on."""
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
