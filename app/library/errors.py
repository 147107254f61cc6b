"""What can go wrong with getting and keeping models, each with the sentence a person reads."""

from __future__ import annotations

from pathlib import Path

from app.core.errors import Stopped, UndertoneError


class ModelsError(UndertoneError):
    """Something about the models on this computer could not be done."""


class Cancelled(ModelsError, Stopped):
    """Stopped. What has come already is kept; get the model again to go on from there."""


class NoSuchModel(ModelsError):
    """There is no model of that name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f'There is no model called "{name}". There are: {", ".join(known)}.')


class NotOnDisk(ModelsError):
    """The model is known, but not on this computer."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f'The model "{name}" is not on this computer. Get it on the page "Models", or with: '
            f"undertone models get {name}"
        )


class BundledStays(ModelsError):
    """The bundled model is part of Undertone and cannot be removed."""


class NameTaken(ModelsError):
    """There is a model of that name already."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f'There is a model called "{name}" already. Remove it first, or give another name.'
        )


class NameRefused(ModelsError):
    """The name of a model has letters, digits, dots and dashes, 1 to 40 of them."""


class StoreBusy(ModelsError):
    """Another Undertone on this computer is changing the models now. Wait until it is done."""


class NoRoom(ModelsError):
    """There is not enough room on the disk."""

    def __init__(self, folder: Path, needed: int, free: int) -> None:
        super().__init__(
            f"There is not enough room in {folder}: {_mega(needed)} are needed and {_mega(free)} "
            "are free. Make room, or set HF_HOME to a folder on another disk."
        )


class DiskFilled(ModelsError):
    """The disk became full."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"The disk of {folder} is full. What has come is kept: make room and go on."
        )


class StoreUnusable(ModelsError):
    """The folder of the models could not be read or written."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"The folder of the models could not be used: {path}: {reason}.")


class ModelChanged(ModelsError):
    """A model on disk is no longer what it was."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f'The files of the model "{name}" are not what they were when they came. Remove it '
            "and get it again."
        )


# --- The server ---------------------------------------------------------------------------------


class HubError(ModelsError):
    """The server of the models could not help."""


class HubOffline(HubError):
    """HF_HUB_OFFLINE forbids to ask the server. Unset it, or import the model from files."""


class HubUnreachable(HubError):
    """The server cannot be reached."""

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(
            f"The server {server} cannot be reached ({reason}). Check the network, the proxy "
            "(HTTPS_PROXY) and HF_ENDPOINT; without Internet, import the model from files."
        )


class HubBusy(HubError):
    """The server asks for patience."""

    def __init__(self, server: str, status: int, wait: float | None) -> None:
        self.wait = wait
        when = f"in {wait:.0f} s" if wait else "later"
        super().__init__(
            f"The server {server} is busy or limits its callers (status {status}). Try again {when}"
            "; what has come already is kept."
        )


class HubRefuses(HubError):
    """The server does not hand the model out."""

    def __init__(self, server: str, status: int) -> None:
        super().__init__(
            f"The server {server} does not hand the model out (status {status}). If it needs to "
            "know you, set HF_TOKEN."
        )


class NotOnHub(HubError):
    """The server does not have the model."""

    def __init__(self, server: str, repository: str, path: str, revision: str) -> None:
        super().__init__(
            f"The server {server} has no {path} in {repository} at {revision[:12]}. Check "
            "HF_ENDPOINT. If the model was published anew, ask for the new version "
            "(undertone models get NAME --new-version)."
        )


class HubMakesNoSense(HubError):
    """The server's answer makes no sense."""

    def __init__(self, server: str, problem: str) -> None:
        super().__init__(
            f"The server {server} gave an answer that makes no sense ({problem}). A proxy or a "
            "login page of the network may stand in between."
        )


class DownloadBroken(HubError):
    """The download broke off too often."""

    def __init__(self, server: str, have: int, total: int) -> None:
        super().__init__(
            f"The download from {server} broke off again and again. {_mega(have)} of {_mega(total)}"
            " are here and kept; get the model again to go on from there."
        )


# --- What came ----------------------------------------------------------------------------------


class DownloadDamaged(ModelsError):
    """What came is not what should have come."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"The file {path} came damaged: its checksum is wrong. It was thrown away; get the "
            "model again. If that happens twice, something on the way changes it."
        )


class VersionChanged(ModelsError):
    """The server now calls other files by the version first trusted."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f'The server offers other files for the model "{name}" than the version trusted here. '
            "Nothing was downloaded. If you know why, get it with --new-version."
        )


class NotThatModel(ModelsError):
    """The files are a model, but another."""

    def __init__(self, name: str, found: str) -> None:
        super().__init__(f'What came for the model "{name}" is another one, {found}.')


class NotAModel(ModelsError):
    """What was to be imported is no model."""


class PickleRefused(NotAModel):
    """The weights are in a format that can hold programs."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            f"{path} is a Python pickle or a PyTorch checkpoint. Such files can hold programs and "
            "are never opened; a model is a folder with config.json and model.safetensors."
        )


def _mega(octets: int) -> str:
    return f"{octets / 1e6:,.0f} MB".replace(",", "\u202f")
