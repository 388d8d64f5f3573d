"""Which ears a server has where nobody names any."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from voiceserver.config import Config, EnginesConfig, RecogniserConfig
from voiceserver.engines.ears import (
    MODELS,
    ears_here,
    measured_ms,
    prefer,
    preference,
    resolved,
    told,
)
from voiceserver.weights.catalogue import model_named

AUTO = Config()


def lay(folder: Path, *names: str) -> dict[str, str]:
    """Lay files of the right sizes; return an environment that finds them."""
    for name in names:
        (folder / name).mkdir(parents=True)
        for file in model_named(name).files:
            with (folder / name / file.name).open("wb") as stream:
                stream.truncate(file.n_bytes)
    return {"VOICESERVER_MODELS": str(folder)}


def test_without_a_model_it_is_the_embedded_recogniser() -> None:
    """As after a bare installation."""
    config = resolved(AUTO, {"VOICESERVER_MODELS": "/dev/null/models"})
    assert config.engines.recogniser == "pocketsphinx"
    assert config.recogniser.model == ""


@pytest.mark.parametrize("name", MODELS)
def test_with_a_model_it_is_whisper(tmp_path: Path, name: str) -> None:
    """With that model."""
    pytest.importorskip("ctranslate2", reason="the extra 'whisper' is not installed")
    config = resolved(AUTO, lay(tmp_path, name))
    assert config.engines.recogniser == "whisper"
    assert config.recogniser.model == name


def test_of_two_models_the_better_is_taken_unless_another_was_preferred(
    tmp_path: Path,
) -> None:
    """By a measurement; what it wrote down may be anything by now."""
    environment = lay(tmp_path, *MODELS)
    assert ears_here(environment) == "whisper-base"
    prefer("whisper-tiny.en", environment)
    assert ears_here(environment) == "whisper-tiny.en"
    (tmp_path / "preferred-ears").write_bytes(b"\xff\xfe nonsense")
    assert preference(environment) is None
    assert ears_here(environment) == "whisper-base"


def test_a_preferred_model_that_is_gone_is_not_taken(tmp_path: Path) -> None:
    """But the one that is there."""
    environment = lay(tmp_path, "whisper-base")
    prefer("whisper-tiny.en", environment)
    assert ears_here(environment) == "whisper-base"


@pytest.mark.parametrize("name", ["stub", "pocketsphinx", "whisper"])
def test_ears_that_are_named_stay(tmp_path: Path, name: str) -> None:
    """Whatever is there."""
    config = replace(AUTO, engines=EnginesConfig(recogniser=name))
    assert resolved(config, lay(tmp_path, "whisper-base")) == config


def test_a_model_of_pocketsphinx_is_heard_with_by_it(tmp_path: Path) -> None:
    """``recogniser.model`` names a folder that is no Whisper."""
    config = replace(AUTO, recogniser=RecogniserConfig(model=str(tmp_path)))
    found = resolved(config, lay(tmp_path / "m", "whisper-base"))
    assert found.engines.recogniser == "pocketsphinx"
    assert found.recogniser.model == str(tmp_path)


def test_one_line_says_what_is_heard_with_and_what_would_be_better() -> None:
    """For people."""
    assert "voiceserver models get whisper-base" in told(AUTO)
    stub = replace(AUTO, engines=EnginesConfig(recogniser="stub"))
    assert told(stub) == "stub hears"
    model = RecogniserConfig(model="whisper-tiny.en")
    named = replace(AUTO, engines=EnginesConfig(recogniser="whisper"), recogniser=model)
    assert told(named) == "whisper-tiny.en hears open speech"


@pytest.mark.weights("whisper-base")
def test_this_machine_is_measured_in_a_second_or_two() -> None:
    """In milliseconds of a core."""
    pytest.importorskip("ctranslate2", reason="the extra 'whisper' is not installed")
    assert 1 < measured_ms() < 10_000
