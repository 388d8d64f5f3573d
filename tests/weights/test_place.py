"""Where models lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from voiceserver.errors import BadRequest, EngineFailed
from voiceserver.weights.catalogue import model_named
from voiceserver.weights.place import is_there, model_folder, models_folder

NAME = "smart-turn"
MODEL = model_named(NAME)


def placed(folder: Path, n_bytes: int = MODEL.files[0].n_bytes) -> Path:
    """Lay a file of that size where the model's belongs; it takes no space."""
    file = folder / NAME / MODEL.files[0].name
    file.parent.mkdir(parents=True)
    with file.open("wb") as stream:
        stream.truncate(n_bytes)
    return file


def test_the_folder_is_what_its_variable_names() -> None:
    """Also from the home folder on; a relative one is of the working folder."""
    assert models_folder({"VOICESERVER_MODELS": "/srv/models"}) == Path("/srv/models")
    assert models_folder({"VOICESERVER_MODELS": "~/m"}) == Path.home() / "m"
    assert models_folder({"VOICESERVER_MODELS": "m"}) == Path.cwd() / "m"


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HOME": "/h"}, "/h/.cache/voiceserver/models"),
        ({"HOME": "/h", "VOICESERVER_MODELS": " "}, "/h/.cache/voiceserver/models"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/c"}, "/c/voiceserver/models"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "c"}, "/h/.cache/voiceserver/models"),
    ],
)
def test_without_it_the_folder_is_in_the_cache(
    environment: dict[str, str], folder: str
) -> None:
    """A relative cache is no cache, as the XDG specification says."""
    assert models_folder(environment) == Path(folder)


def test_a_model_that_is_there_is_found(tmp_path: Path) -> None:
    """By its name."""
    file = placed(tmp_path)
    environment = {"VOICESERVER_MODELS": str(tmp_path)}
    assert is_there(NAME, environment)
    assert model_folder(NAME, environment) == file.parent


def test_what_was_never_fetched_says_which_command_fetches_it(tmp_path: Path) -> None:
    """And where it was looked for."""
    environment = {"VOICESERVER_MODELS": str(tmp_path)}
    assert not is_there(NAME, environment)
    with pytest.raises(EngineFailed, match="voiceserver models get smart-turn") as told:
        model_folder(NAME, environment)
    assert str(tmp_path) in str(told.value)


@pytest.mark.parametrize("n_bytes", [0, 100, MODEL.files[0].n_bytes + 1])
def test_a_file_of_another_size_is_named(tmp_path: Path, n_bytes: int) -> None:
    """Cut off, or of another version."""
    file = placed(tmp_path, n_bytes)
    environment = {"VOICESERVER_MODELS": str(tmp_path)}
    assert not is_there(NAME, environment)
    with pytest.raises(EngineFailed, match=f"has {n_bytes} bytes") as told:
        model_folder(NAME, environment)
    assert str(file) in str(told.value)


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    """As is a file that is missing."""
    (tmp_path / NAME / MODEL.files[0].name).mkdir(parents=True)
    environment = {"VOICESERVER_MODELS": str(tmp_path)}
    with pytest.raises(EngineFailed, match="is not a file"):
        model_folder(NAME, environment)


def test_a_name_that_no_model_has_is_refused() -> None:
    """Not looked for."""
    with pytest.raises(BadRequest, match="no model"):
        is_there("whisper-enormous", os.environ)
