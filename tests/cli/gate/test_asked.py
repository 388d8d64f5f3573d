"""Text models that a command asks by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from voiceserver.cli.gate.asked import asked
from voiceserver.config import (
    Config,
    EnginesConfig,
    TextConfig,
    TextProvider,
    TransformersConfig,
)
from voiceserver.engines.base import Message, TextRequest
from voiceserver.engines.notes import Note, Probable
from voiceserver.engines.table import IN_THE_HOUSE, ProcessRow, text_names
from voiceserver.errors import ConfigError

HOUSE = ProcessRow(
    "text",
    IN_THE_HOUSE,
    "tests.engines.llm.scripted:load",
    "answers as it is told",
    settings="transformers",
    kind="jobs",
)


def config(model: str = "") -> Config:
    """A service, and a model in the house if a file is given."""
    provider = (TextProvider("cheap", "http://127.0.0.1:9/v1", "m"),)
    engines = EnginesConfig(text="transformers") if model else EnginesConfig()
    return Config(
        engines=engines,
        text=TextConfig(provider=provider),
        transformers=TransformersConfig(model=model),
    )


@pytest.mark.net
async def test_the_model_in_the_house_is_asked_as_a_service_is(tmp_path: Path) -> None:
    """By its engine's name; its version is its file's, and it tells probabilities."""
    file = tmp_path / "small.gguf"
    file.write_bytes(b"GGUF and more")
    notes: list[Note] = []
    request = TextRequest((Message("user", "Is it?"),), observe=notes.append)
    with_house = config(str(file))
    assert text_names(with_house) == [IN_THE_HOUSE, "cheap"]
    async with asked(with_house, IN_THE_HOUSE, rows=[HOUSE]) as model:
        assert model.version.startswith("small@")
        assert [item async for item in model.reply(request)]
    assert any(isinstance(note, Probable) for note in notes)


async def test_who_is_not_there_is_told_with_who_is() -> None:
    """Nor is the model in the house, where none is configured."""
    assert text_names(config()) == ["cheap"]
    with pytest.raises(ConfigError, match=f"no .*'{IN_THE_HOUSE}'; there are: cheap"):
        async with asked(config(), IN_THE_HOUSE):
            pass
    async with asked(config(), "cheap", logprobs=True) as model:
        assert model.name == "cheap"
