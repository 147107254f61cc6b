from __future__ import annotations

import json

import pytest

from app.core.settings import Settings
from app.settings_file import load_settings, save_settings


def test_settings_come_back_as_they_were_kept(tmp_path):
    path = tmp_path / "deep" / "settings.json"
    kept = Settings(name="Ana", input_device="USB mic", relay_only=True)
    assert save_settings(kept, path) is None
    assert load_settings(path) == (kept, None)


def test_no_file_means_the_defaults(tmp_path):
    assert load_settings(tmp_path / "none.json") == (Settings(), None)


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"\xff\xfe\xfd", b"[]", b"null", b"3", b"[" * 100_000]
)
def test_a_damaged_file_is_set_aside_and_told(tmp_path, damage):
    path = tmp_path / "settings.json"
    path.write_bytes(damage)
    settings, told = load_settings(path)
    assert settings == Settings()
    assert told is not None
    assert "set aside" in told
    assert (tmp_path / "settings.damaged.json").read_bytes() == damage


def test_a_file_the_system_keeps_back_stays_where_it_is(tmp_path):
    path = tmp_path / "settings.json"
    path.mkdir()  # Nothing is wrong with it that setting aside would mend.
    settings, told = load_settings(path)
    assert settings == Settings()
    assert told is not None
    assert "could not be read" in told
    assert "aside" not in told
    assert list(tmp_path.iterdir()) == [path]


def test_settings_that_could_not_be_read_are_not_written_over(tmp_path, monkeypatch):
    path = tmp_path / "settings.json"
    save_settings(Settings(name="Ana"), path)

    def refuse(self):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.read_bytes", refuse)
        assert "Input/output error" in str(load_settings(path)[1])
        assert "Input/output error" in str(save_settings(Settings(name="Bea"), path))
    assert load_settings(path) == (Settings(name="Ana"), None)


def test_half_a_character_is_no_name(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text('{"name": "\\ud800", "stun": "stun:a:1"}')
    assert load_settings(path) == (Settings(stun="stun:a:1"), None)


def test_unknown_and_mistyped_values_are_passed_over(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"name": 3, "stun": "stun:a:1", "later": True, "relay_only": "x"}))
    assert load_settings(path) == (Settings(stun="stun:a:1"), None)


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    told = save_settings(Settings(), tmp_path / "file" / "settings.json")
    assert told is not None
    assert "could not be saved" in told
