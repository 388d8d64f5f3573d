"""A folder that somebody names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.weights.tiny import CONTENT, MODEL, WEIGHTS, Heard, lay
from voiceserver.weights.given import GivenFolder
from voiceserver.weights.source import SourceFailed


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """An empty folder for what is not yet proved."""
    folder = tmp_path / "stage"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("below", ["", "tiny"])
def test_files_are_copied(tmp_path: Path, stage: Path, below: str) -> None:
    """From a folder of models, or from one of this model alone."""
    given = tmp_path / "given"
    original = lay(given / below) / "model.bin"
    path = GivenFolder(given).bring(MODEL, WEIGHTS, stage, Heard())
    assert path.parent == stage
    assert path.read_bytes() == original.read_bytes() == CONTENT["model.bin"]


def test_a_folder_without_the_file_is_named(tmp_path: Path, stage: Path) -> None:
    """With the file that was looked for."""
    with pytest.raises(SourceFailed, match=r"nothing/model.bin: No such file"):
        GivenFolder(tmp_path / "nothing").bring(MODEL, WEIGHTS, stage, Heard())


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"short", "has 5 bytes, not 10240"), (bytes(20_000), "larger than 10240")],
)
def test_a_file_of_another_size_is_named(
    tmp_path: Path, stage: Path, content: bytes, why: str
) -> None:
    """Cut off, or another model's."""
    given = lay(tmp_path / "given", {"model.bin": content})
    with pytest.raises(SourceFailed, match=why):
        GivenFolder(given).bring(MODEL, WEIGHTS, stage, Heard())


def test_a_file_that_is_a_folder_is_named(tmp_path: Path, stage: Path) -> None:
    """Not a traceback."""
    (tmp_path / "model.bin").mkdir()
    with pytest.raises(SourceFailed, match="Is a directory"):
        GivenFolder(tmp_path).bring(MODEL, WEIGHTS, stage, Heard())
