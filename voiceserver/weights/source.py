"""What a source of model files is, and what all of them have to do.

A source brings a file to a folder for what is not yet proved; whether it is the file
that is meant is not its business.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from voiceserver.errors import VoiceServerError
from voiceserver.weights.catalogue import Model, ModelFile

BLOCK = 1 << 20  # bytes read or written at a time
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class SourceFailed(VoiceServerError):
    """A source cannot give a file; the text says why, and another may be asked."""


class Told(Protocol):
    """Who is told how a fetch goes."""

    def line(self, text: str) -> None:
        """Something happened."""
        ...

    def arrived(self, name: str, n_bytes: int, of_bytes: int) -> None:
        """So much of a file is there; called often."""
        ...


class Source(Protocol):
    """Where files may be had from.

    Attributes:
        name: For people.
    """

    @property
    def name(self) -> str: ...

    def bring(self, model: Model, file: ModelFile, stage: Path, told: Told) -> Path:
        """Bring a file; what was brought before a failure may be used by the next try.

        Args:
            model: Whose it is.
            file: Which.
            stage: Folder of this model alone for what is not yet proved.
            told: Of the progress.

        Returns:
            The path in ``stage`` where it lies; its content is not proved.

        Raises:
            SourceFailed: If it cannot be had; says why.
            OSError: If it cannot be written.
        """
        ...


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def no_room(error: OSError) -> bool:
    """Whether a write failed because a disk or a quota is full."""
    return error.errno in _NO_ROOM


def write(
    blocks: Iterable[bytes],
    path: Path,
    file: ModelFile,
    told: Told,
    append: bool = False,
) -> int:
    """Write blocks to a file, and no more of them than it should have.

    Args:
        blocks: Content, or what is missing of it.
        path: Where to write.
        file: How large it should be.
        told: Of the progress.
        append: Go on after what is there.

    Returns:
        Bytes that the file has now.

    Raises:
        SourceFailed: If there is more than the file's size.
        OSError: If it cannot be written.
    """
    with path.open("ab" if append else "wb") as stream:
        n_bytes = stream.tell()
        for block in blocks:
            n_bytes += len(block)
            if n_bytes > file.n_bytes:
                raise SourceFailed(f"{file.name} is larger than {file.n_bytes} bytes")
            stream.write(block)
            told.arrived(file.name, n_bytes, file.n_bytes)
    return n_bytes
