"""How well speech survives a model: `python -m codec eval`."""
