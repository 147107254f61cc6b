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

    A damaged file is set aside beside itself, so that nothing of it is lost; one that the system
    does not let be read is left where it is, since there may be nothing wrong with it.
    """
    path = path or settings_path()
    try:
        kept = json.loads(path.read_bytes())
        types = {field.name: str(field.type) for field in fields(Settings)}
        return Settings(**{k: v for k, v in kept.items() if _fits(v, types.get(k))}), None
    except FileNotFoundError:
        return Settings(), None
    except OSError as error:
        return Settings(), (
            f"The settings in {path} could not be read ({error.strerror or error}); the defaults "
            "hold."
        )
    except (ValueError, AttributeError, RecursionError) as error:
        told = f"The settings in {path} are damaged ({error}); the defaults hold."
        return Settings(), f"{told} {_set_aside(path)}".rstrip()


def save_settings(settings: Settings, path: Path | None = None) -> str | None:
    """Keep `settings`; returns a sentence when that was not possible."""
    path = path or settings_path()
    unfinished = path.with_suffix(".part")
    try:
        if path.exists():
            path.read_bytes()  # What cannot be read was not known, and is not written over.
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(json.dumps(asdict(settings), indent=2), "utf-8")
        unfinished.replace(path)
    except OSError as error:
        return f"The settings could not be saved in {path}: {error.strerror or error}."
    return None


def _set_aside(path: Path) -> str:
    aside = path.with_suffix(".damaged.json")
    try:
        path.replace(aside)
    except OSError:
        return ""
    return f"The file was set aside as {aside}."


def _fits(value: object, type_name: str | None) -> bool:
    match type_name:
        case "str":
            return _is_text(value)
        case "str | None":
            return value is None or _is_text(value)
        case "bool":
            return isinstance(value, bool)
    return False


def _is_text(value: object) -> bool:
    """JSON can hold half a character (RFC 8259, section 8.2), which no packet can carry."""
    return isinstance(value, str) and not any("\ud800" <= sign <= "\udfff" for sign in value)
