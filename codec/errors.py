"""What can go wrong in the codec, each with the sentence the user reads.

`str(error)` is one sentence or two: what happened, to which file, and what to do about it.
The names say what happened and so do without the suffix "Error".
"""

from __future__ import annotations

from pathlib import Path


class CodecError(Exception):
    """Something the codec was asked to do could not be done."""


# --- Models -------------------------------------------------------------------------------------


class ModelError(CodecError):
    """A codec model could not be loaded."""


class UnknownModel(ModelError):
    """There is no model of that name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f'There is no model called "{name}". Known names: {", ".join(known)}; '
            "or give the path of a folder with config.json and model.safetensors."
        )


class RateUnknown(ModelError):
    """The model does not offer that many bits a code."""

    def __init__(self, model: str, bits: int, offered: tuple[int, ...]) -> None:
        rates = ", ".join(f"{n} ({n / 20:.2f} kbit/s)" for n in offered)
        super().__init__(f'The model "{model}" has no code of {bits} bits. It has {rates}.')


class ModelMissing(ModelError):
    """A file of the model is not there."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            f"The model file {path} was not found. "
            "A model is a folder with config.json and model.safetensors."
        )


class ModelUnreadable(ModelError):
    """A file of the model is there but the system would not let it be read."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"The model file {path} could not be read: {reason}.")


class ModelTruncated(ModelError):
    """The weights end before they should, as after an interrupted download."""

    def __init__(self, path: Path | str, size: int, expected: int) -> None:
        super().__init__(
            f"The model file {path} is cut short: it has {size} of {expected} bytes. "
            "Download or copy it again."
        )


class ModelNotSafetensors(ModelError):
    """The weights are in another format, or in none."""

    def __init__(self, path: Path | str, looks_like: str) -> None:
        super().__init__(
            f"The model file {path} is not a safetensors file ({looks_like}). "
            "Other formats can hold programs and are never opened."
        )


class ModelShapeMismatch(ModelError):
    """A tensor of the weights is missing, superfluous or of another shape than the config says."""

    def __init__(self, path: Path | str, tensor: str, problem: str) -> None:
        self.tensor = tensor
        super().__init__(
            f'The weights in {path} do not fit the config: the tensor "{tensor}" {problem}. '
            "Check that both files belong to the same model."
        )


class ModelDamaged(ModelError):
    """The weights hold something that is no number, as after a failed training or a bad disk."""

    def __init__(self, path: Path | str, tensor: str) -> None:
        self.tensor = tensor
        super().__init__(
            f'The model file {path} is damaged: the tensor "{tensor}" holds values that are no '
            "finite numbers. Download or copy it again."
        )


class ModelConfigInvalid(ModelError):
    """The config of the model is not one this program can build."""

    def __init__(self, problem: str, path: Path | str | None = None) -> None:
        self.problem = problem
        where = f" {path}" if path is not None else ""
        super().__init__(f"The model config{where} cannot be used: {problem}.")


# --- What is handed to a running codec ----------------------------------------------------------


class BadCodes(CodecError):
    """Codes that this model cannot have made, or bytes that do not hold the codes they should."""


class BadAudio(CodecError):
    """Samples of the wrong number or kind."""


class BadFeatures(CodecError):
    """Features of the wrong size or too few of them, as for a voice."""


# --- .fcs files ---------------------------------------------------------------------------------


class ContainerError(CodecError):
    """An .fcs file is not as it should be."""

    def __init__(self, path: Path | str, problem: str) -> None:
        super().__init__(f"{path} {problem}")


class ContainerNotFcs(ContainerError):
    """The file does not begin as an .fcs file does."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(path, "is not an .fcs file.")


class ContainerVersionUnsupported(ContainerError):
    """The file is of a newer kind than this program knows."""

    def __init__(self, path: Path | str, version: int) -> None:
        super().__init__(
            path, f"is an .fcs file of version {version}, newer than this program. Update it."
        )


class ContainerTruncated(ContainerError):
    """The file ends before its end mark; what comes before can be decoded."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(path, "is cut short: its end is missing.")


class ContainerDamaged(ContainerError):
    """A checksum or a length is wrong; what comes before can be decoded."""

    def __init__(self, path: Path | str, where: str) -> None:
        super().__init__(path, f"is damaged: {where}.")


class ContainerModelMismatch(ContainerError):
    """The file was made by another model than the one at hand."""

    def __init__(self, path: Path | str, made_by: str, loaded: str) -> None:
        super().__init__(
            path,
            f"was made by the model {made_by}, but the model at hand is {loaded}. "
            "Choose the right one with --model.",
        )


# --- Sound files and output ---------------------------------------------------------------------


class AudioFileError(CodecError):
    """A sound file could not be read or written."""

    def __init__(self, path: Path | str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")


class OutputError(CodecError):
    """The result could not be written."""

    def __init__(self, path: Path | str, problem: str) -> None:
        super().__init__(f"{path} could not be written: {problem}.")


class DiskFull(OutputError):
    """There is no room left for the result."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(path, "the disk is full. Free some space or choose another place")
