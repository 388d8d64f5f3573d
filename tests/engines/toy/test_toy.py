"""An engine takes its file, a row and its settings: nothing else knows of the toy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np
import psutil
import pytest

from tests.engines.conformance import check_recogniser, check_synthesizer, heard
from tests.engines.toy.engine import (
    HOME,
    NOT_INSTALLED,
    RECOGNISER,
    VOICE,
    VOICES,
    ConfigWithToy,
    ToyConfig,
    ToyRecogniser,
)
from voiceserver.audio import MIC_RATE
from voiceserver.config import EnginesConfig, RecogniserConfig
from voiceserver.engines.opened import Engines
from voiceserver.engines.opening import open_engines
from voiceserver.engines.remote.recogniser import RemoteRecogniser
from voiceserver.engines.table import ROWS, start_limit_s
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics

TOYS = EnginesConfig(vad="stub", recogniser="toy", text="stub", speech="toy")
ROWS_WITH_TOYS = (*ROWS, RECOGNISER, VOICE, NOT_INSTALLED)
SECOND = np.full(MIC_RATE, 0.1, np.float32)


@asynccontextmanager
async def opened(config: ConfigWithToy) -> AsyncGenerator[Engines, None]:
    async with open_engines(config, Metrics(), ROWS_WITH_TOYS) as engines:
        yield engines


def toys(batch: int = 4) -> ConfigWithToy:
    recogniser = RecogniserConfig(processes=1)
    return ConfigWithToy(engines=TOYS, recogniser=recogniser, toy=ToyConfig(batch))


@pytest.mark.net
async def test_a_toy_is_opened_by_name_and_conforms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In processes of their own, the recogniser's with what its row says."""
    monkeypatch.setenv(HOME, "/tmp")
    async with opened(toys()) as engines:
        assert (engines.recogniser.name, engines.speech.name) == ("toy", "toy")
        assert engines.recogniser.language == "tok"
        assert engines.speech.voices == VOICES
        assert isinstance(engines.recogniser, RemoteRecogniser)
        [pid] = engines.recogniser.pids
        environment = psutil.Process(pid).environ()
        assert (environment[HOME], environment["OMP_NUM_THREADS"]) == ("/tmp", "2")
        await check_recogniser(engines.recogniser, SECOND)
        await check_synthesizer(engines.speech)


@pytest.mark.net
async def test_what_a_toy_writes_arrives_with_its_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Four at a time in one process, the fifth after them."""
    monkeypatch.setenv(HOME, "/tmp")
    async with opened(toys()) as engines:
        recogniser = engines.recogniser
        assert isinstance(recogniser, RemoteRecogniser)
        utterances = [recogniser.open() for _ in range(5)]
        assert (len(recogniser.pids), recogniser.waiting) == (1, 1)
        for utterance in utterances:
            utterance.push(SECOND)
        async with asyncio.TaskGroup() as group:
            finals = [group.create_task(each.final()) for each in utterances]
        for final in finals:
            assert final.result().text == "I heard 10 tenths!"
            assert final.result().words == "i heard ten tenths"
        for utterance in utterances:
            utterance.close()
        assert (await heard(recogniser, SECOND[:0])).text == ""


def test_a_core_sees_the_audio_of_all_its_utterances() -> None:
    """So that one pass over the model serves several callers."""
    core = ToyRecogniser("tok", 3)
    utterances = [core.open() for _ in range(3)]
    for utterance in utterances:
        utterance.push(np.zeros(MIC_RATE, np.int16))
    assert utterances[0].partial().text == "I heard 10 tenths"
    assert [each.company for each in utterances] == [3, 3, 3]


@pytest.mark.net
async def test_a_toy_that_misses_something_says_what_to_do() -> None:
    """Its own words, or the extra that brings what it imports."""
    with pytest.raises(EngineFailed, match=HOME):
        async with opened(toys()):
            pass
    config = ConfigWithToy(
        engines=EnginesConfig("stub", "stub", "stub", "absent"), toy=ToyConfig()
    )
    with pytest.raises(EngineFailed, match=r"pip install 'voiceserver\[toy\]'"):
        async with opened(config):
            pass


def test_a_row_says_how_long_a_start_may_take() -> None:
    """Whoever waits for all engines waits for the slowest."""
    assert start_limit_s(toys(), ROWS_WITH_TOYS) == 90
