"""Which models can be fetched."""

from __future__ import annotations

import re

import pytest

from voiceserver.errors import BadRequest
from voiceserver.weights.catalogue import MODELS, Model, model_named

models = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)


@models
def test_every_file_and_wheel_is_named_by_its_hash(model: Model) -> None:
    """Without one nothing would prove what was fetched."""
    hashes = [file.sha256 for file in model.files]
    hashes += [wheel.sha256 for wheel in model.wheels]
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in hashes)
    assert len(set(hashes)) == len(hashes)


@models
def test_every_file_can_be_had_from_the_wheels(model: Model) -> None:
    """A source that lacks one would be of no use."""
    members = {name for wheel in model.wheels for _, name in wheel.members}
    assert members == {file.name for file in model.files}


@models
def test_revisions_are_commits_and_wheels_exact_versions(model: Model) -> None:
    """A branch or a range would be another model one day."""
    assert re.fullmatch(r"[0-9a-f]{40}", model.hub.revision)
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", w.requirement) for w in model.wheels)


@models
def test_names_are_names_of_files(model: Model) -> None:
    """A folder is made of the first and files of the others."""
    for name in (model.name, *(file.name for file in model.files)):
        assert re.fullmatch(r"[\w.-]+", name)
        assert not name.startswith(".")


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    """And with the nearest."""
    with pytest.raises(BadRequest, match="did you mean whisper-base") as caught:
        model_named("Whisper-bas")
    assert all(model.name in str(caught.value) for model in MODELS)
