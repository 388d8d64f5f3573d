"""What lies on the disk: whether it can be a text model, and which one it is.

Looks at names, sizes and the ends of files, which takes milliseconds, so that a wrong
path is told before a process is started. Knows no library that loads models.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from voiceserver.errors import EngineFailed

NAME = "transformers"  # of the engine
MAGIC = b"GGUF"
_LOOKED_AT = 1 << 16  # bytes of either end of a file
_CURE = "[transformers] model must be a folder of a model, or a .gguf file"


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on the disk.

    Attributes:
        path: As it was named: a folder, or a GGUF file.
        version: Its name and a digest of what it is made of: another file, another
            version.
    """

    path: Path
    version: str

    @property
    def is_gguf(self) -> bool:
        """Whether it is one file with everything in it."""
        return self.path.is_file()

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.path.parent if self.is_gguf else self.path


def model_files(named: str) -> ModelFiles:
    """Look at what a path holds.

    Raises:
        EngineFailed: If that can be no model; names the file and what to do.
    """
    if not named:
        raise EngineFailed(NAME, f"no model is named; {_CURE}")
    path = Path(named)
    if not path.exists():
        raise EngineFailed(NAME, f"{path} is not there; {_CURE}")
    if path.is_file():
        return ModelFiles(path, _version(path, [_gguf(path)]))
    config = path / "config.json"
    if not config.is_file():
        more = sorted(path.glob("*.gguf"))
        hint = f"name the file: {more[0]}" if more else _CURE
        raise EngineFailed(NAME, f"{path} has no config.json; {hint}")
    try:
        told = json.loads(config.read_bytes())
    except ValueError as error:
        raise EngineFailed(NAME, f"{config} is no JSON: fetch it again") from error
    if not isinstance(told, dict) or not told.get("model_type"):
        raise EngineFailed(NAME, f"{config} names no model_type: {_CURE}")
    weights = sorted(path.glob("*.safetensors"))
    if not weights:
        raise EngineFailed(
            NAME,
            f"{path} has no *.safetensors; other kinds of weights can hold code and "
            "are not read",
        )
    if not (path / "tokenizer.json").is_file():
        raise EngineFailed(NAME, f"{path} has no tokenizer.json: fetch it, too")
    return ModelFiles(path, _version(path, [config, *weights]))


def _gguf(path: Path) -> Path:
    with path.open("rb") as file:
        begin = file.read(len(MAGIC))
    if begin != MAGIC:
        kind = "is empty" if not begin else "is no GGUF file"
        raise EngineFailed(NAME, f"{path} {kind}; {_CURE}")
    return path


def _version(path: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    for each in files:
        n_bytes = each.stat().st_size
        digest.update(f"{each.name} {n_bytes}\n".encode())
        with each.open("rb") as file:
            digest.update(file.read(_LOOKED_AT))
            file.seek(max(0, n_bytes - _LOOKED_AT))
            digest.update(file.read(_LOOKED_AT))
    name = path.stem if path.is_file() else path.resolve().name
    return f"{name}@{digest.hexdigest()[:12]}"
