"""Where a person's settings are kept between runs."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path

import platformdirs

from app.core.settings import Settings


def settings_path() -> Path:
    """The file the settings are in, where this system expects such files."""
    return platformdirs.user_config_path("undertone", appauthor=False) / "settings.json"


def load_settings(path: Path | None = None) -> tuple[Settings, str | None]:
    """The kept settings, and a sentence when they could not be read as they stood.

    A damaged file is set aside beside itself, so that nothing of it is lost.
    """
    path = path or settings_path()
    try:
        kept = json.loads(path.read_text("utf-8"))
        types = {field.name: str(field.type) for field in fields(Settings)}
        return Settings(**{k: v for k, v in kept.items() if _fits(v, types.get(k))}), None
    except FileNotFoundError:
        return Settings(), None
    except (OSError, ValueError, AttributeError) as error:
        aside = path.with_suffix(".damaged.json")
        try:
            path.replace(aside)
            where = f"It was set aside as {aside}."
        except OSError:
            where = ""
        return Settings(), f"The settings could not be read ({error}); the defaults hold. {where}"


def save_settings(settings: Settings, path: Path | None = None) -> str | None:
    """Keep `settings`; returns a sentence when that was not possible."""
    path = path or settings_path()
    unfinished = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(json.dumps(asdict(settings), indent=2), "utf-8")
        unfinished.replace(path)
    except OSError as error:
        return f"The settings could not be saved in {path}: {error.strerror or error}."
    return None


def _fits(value: object, type_name: str | None) -> bool:
    match type_name:
        case "str":
            return isinstance(value, str)
        case "str | None":
            return value is None or isinstance(value, str)
        case "bool":
            return isinstance(value, bool)
    return False
