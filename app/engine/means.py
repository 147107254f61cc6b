"""What an engine's calls are made with, one after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.audio.backend import AudioBackend
from app.core.cues import Cue
from app.core.meter import Clock
from app.core.session import Session
from app.core.state import Event
from app.engine.model import Models
from app.engine.shelf import Shelf
from app.engine.worker import Worker
from app.net.network_thread import NetworkThread
from app.rendezvous.manual import ManualRendezvous


@dataclass(frozen=True)
class Means:
    """`listen` may be called from any thread. `loopback`: offer the own machine's address too."""

    backend: AudioBackend
    models: Models
    shelf: Shelf
    rendezvous: ManualRendezvous
    session: Session
    devices: Worker
    network: NetworkThread
    clock: Clock
    listen: Callable[[Event], None]
    is_muted: Callable[[], bool]
    cue: Callable[[Cue], float]
    """Plays a cue where there is a sound; how many seconds it takes. On the devices thread."""
    loopback: bool
