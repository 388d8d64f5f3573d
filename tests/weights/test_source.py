"""What all sources do."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.weights.tiny import CONTENT, WEIGHTS, Heard, digest
from voiceserver.weights.source import SourceFailed, no_room, sha256_of, write


def test_the_hash_of_a_file_is_that_of_its_content(tmp_path: Path) -> None:
    """In hexadecimal."""
    (tmp_path / "f").write_bytes(b"words")
    assert sha256_of(tmp_path / "f") == digest(b"words")


def test_blocks_are_written_or_appended(tmp_path: Path) -> None:
    """And each is told with all that is there by then."""
    told, path = Heard(), tmp_path / "f"
    assert write([b"ab", b"c"], path, WEIGHTS, told) == 3
    assert write([b"d"], path, WEIGHTS, told, append=True) == 4
    assert path.read_bytes() == b"abcd"
    assert [n_bytes for _, n_bytes, _ in told.counts] == [2, 3, 4]


def test_too_much_is_not_written(tmp_path: Path) -> None:
    """The disk is not filled by one who sends for ever."""
    whole = CONTENT["model.bin"]
    with pytest.raises(SourceFailed, match="larger"):
        write([whole, b"x"], tmp_path / "f", WEIGHTS, Heard())
    assert (tmp_path / "f").read_bytes() == whole


def test_a_full_disk_is_known_by_its_error() -> None:
    """As is a full quota."""
    assert no_room(OSError(errno.ENOSPC, "full"))
    assert no_room(OSError(errno.EDQUOT, "quota"))
    assert not no_room(OSError(errno.EACCES, "not yours"))
