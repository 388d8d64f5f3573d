"""A folder somebody names, as a source: a stick, a share, another machine's models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from voiceserver.weights.catalogue import Model, ModelFile
from voiceserver.weights.source import BLOCK, SourceFailed, Told, write


class GivenFolder:
    """A folder with the files of one model, or with a folder for each model.

    Args:
        folder: Which.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.name = str(folder)

    def bring(self, model: Model, file: ModelFile, stage: Path, told: Told) -> Path:
        """Copy a file."""
        path = self._folder / model.name / file.name
        if not path.is_file():
            path = self._folder / file.name
        copy = stage / f"{file.name}.copied"
        try:
            stream = path.open("rb")
        except OSError as error:
            raise SourceFailed(f"{path}: {error.strerror or error}") from None
        with stream:
            n_bytes = write(_blocks(stream, path), copy, file, told)
        if n_bytes < file.n_bytes:
            raise SourceFailed(f"{path} has {n_bytes} bytes, not {file.n_bytes}")
        return copy


def _blocks(stream: BinaryIO, path: Path) -> Iterator[bytes]:
    while True:
        try:
            block = stream.read(BLOCK)
        except OSError as error:  # of the one who reads, not of the one who writes
            raise SourceFailed(f"{path}: {error.strerror or error}") from None
        if not block:
            return
        yield block
