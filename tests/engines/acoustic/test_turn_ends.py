"""Which turn-end model a server has."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from voiceserver.config import Config, EnginesConfig
from voiceserver.engines.acoustic.turn_ends import ending, opened_turn_ends
from voiceserver.engines.opening import open_engines
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics
from voiceserver.turns.ending import Evidence

NOWHERE = {"VOICESERVER_MODELS": "/dev/null/models"}


def stubs(turns: str) -> Config:
    """Stubs beside this turn-end model."""
    rest = {slot: "stub" for slot in ("vad", "recogniser", "text", "speech")}
    return Config(engines=EnginesConfig(**rest, turns=turns))  # type: ignore[arg-type]


def there(folder: Path) -> dict[str, str]:
    """An environment in which a file of the model's size lies where it should."""
    pytest.importorskip("onnxruntime", reason="the extra 'turns' is not installed")
    (folder / "smart-turn").mkdir()
    with (folder / "smart-turn" / "smart-turn-v3.2-cpu.onnx").open("wb") as stream:
        stream.truncate(8_679_182)
    return {"VOICESERVER_MODELS": str(folder)}


def test_without_a_file_there_is_none_unless_it_is_asked_for(tmp_path: Path) -> None:
    """With one there is, unless none is asked for."""
    metrics = Metrics()
    assert opened_turn_ends("auto", metrics, NOWHERE) is None
    assert opened_turn_ends("none", metrics, there(tmp_path)) is None


async def test_with_a_file_there_is_one(tmp_path: Path) -> None:
    """Not yet started."""
    model = opened_turn_ends("auto", Metrics(), there(tmp_path))
    assert model is not None
    assert model.name == "smart-turn"


@pytest.mark.net
async def test_one_that_is_asked_for_and_missing_says_what_to_do() -> None:
    """The server does not start without it."""
    pytest.importorskip("onnxruntime", reason="the extra 'turns' is not installed")
    with pytest.raises(EngineFailed, match="voiceserver models get smart-turn"):
        async with open_engines(stubs("smart-turn"), Metrics()):
            pass


async def test_without_one_turns_end_as_they_did() -> None:
    """By silence and words."""
    async with open_engines(stubs("none"), Metrics()) as engines:
        assert engines.turn_ends is None
        assert engines.ending is None


@pytest.mark.net
@pytest.mark.weights("smart-turn")
async def test_the_model_itself_answers_in_a_process() -> None:
    """Of silence nobody can tell much, but something."""
    told: asyncio.Queue[float] = asyncio.Queue()
    async with open_engines(stubs("smart-turn"), Metrics()) as engines:
        assert engines.turn_ends is not None
        engines.turn_ends.score(np.zeros(16_000, np.float32), told.put_nowait)
        assert 0 <= await asyncio.wait_for(told.get(), 30) <= 1


def test_the_weights_of_the_package_are_of_this_formula() -> None:
    """A voice that sounds finished is answered sooner than one that does not."""
    weights = ending()
    waits = [weights.wait_ms(Evidence(sound), 0.9) for sound in (0.02, 0.98)]
    assert waits[0] > waits[1]
