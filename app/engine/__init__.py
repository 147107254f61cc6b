"""The engine: one call's threads, from microphone to wire and from wire to loudspeaker."""

from app.engine.engine import Engine

__all__ = ["Engine"]
