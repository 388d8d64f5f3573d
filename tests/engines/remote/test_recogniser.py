"""A recogniser whose decoders run in processes of their own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from tests.engines.conformance import check_recogniser
from tests.processes.test_supervised import until
from voiceserver.audio import MIC_RATE
from voiceserver.engines.base import Hypothesis
from voiceserver.engines.remote import utterance as remote_utterance
from voiceserver.engines.remote.recogniser import (
    MAX_WAITING,
    RemoteRecogniser,
    recogniser_spec,
)
from voiceserver.engines.remote.utterance import BLOCK
from voiceserver.errors import EngineFailed, Overloaded
from voiceserver.metrics import Metrics

pytestmark = pytest.mark.net

CORE = "tests.engines.remote.fake_cores:load_recogniser"
SECOND = np.full(MIC_RATE, 0.1, np.float32)
DEADLY = np.full(MIC_RATE, -1.0, np.float32)  # kills the made-up decoder


@asynccontextmanager
async def remote(
    processes: int = 1,
    slow_s: float = 0.0,
    metrics: Metrics | None = None,
    utterances: int = 1,
) -> AsyncGenerator[RemoteRecogniser, None]:
    spec = recogniser_spec("fake", CORE, {"slow_s": slow_s, "utterances": utterances})
    async with RemoteRecogniser(spec, processes, metrics or Metrics()) as pool:
        await pool.ready()
        yield pool


def counted(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(f"voiceserver_{name}_total", labels) or 0


@pytest.mark.parametrize(("processes", "utterances"), [(2, 1), (1, 4)])
async def test_a_remote_recogniser_conforms(processes: int, utterances: int) -> None:
    """Processes behind it show nowhere, nor how many utterances share one."""
    async with remote(processes, utterances=utterances) as pool:
        assert pool.language == "en"
        await check_recogniser(pool, SECOND)


def _final(text: str) -> Hypothesis:
    return Hypothesis(text, final=True, complete=True, words=text)


async def test_utterances_share_a_process_that_takes_several() -> None:
    """Three at once in one process; the fourth waits for a place."""
    async with remote(utterances=3) as pool:
        utterances = [pool.open() for _ in range(4)]
        assert pool.waiting == 1
        assert (pool.speaking, pool.at_ease) == (4, 3)
        for utterance in utterances[:3]:
            utterance.push(SECOND)
        for utterance in utterances[:3]:
            await until(lambda it=utterance: it.latest.text != "")  # type: ignore[misc]
        utterances[1].close()
        await until(lambda: pool.waiting == 0)
        assert (await utterances[3].final()).text == "0 samples"
        assert (await utterances[0].final()).text == "16000 samples"
        for utterance in utterances:
            utterance.close()


async def test_utterances_are_spread_over_the_processes() -> None:
    """The next goes where there is the most room."""
    async with remote(2, utterances=2) as pool:
        utterances = [pool.open() for _ in range(3)]
        assert sorted(child.free for child in pool._children) == [0, 1]
        utterances[1].close()
        utterances[2].close()
        await until(lambda: sum(child.free for child in pool._children) == 3)
        again = pool.open()
        assert [child.free for child in pool._children] == [1, 1]
        for utterance in (*utterances, again):
            utterance.close()


async def test_those_that_share_a_process_survive_one_that_kills_it() -> None:
    """Its last try it has alone, and all others theirs."""
    async with remote(utterances=3) as pool:
        innocent, deadly, other = pool.open(), pool.open(), pool.open()
        for utterance in (innocent, other):
            utterance.push(SECOND)
        deadly.push(DEADLY)
        async with asyncio.TaskGroup() as group:
            finals = [group.create_task(it.final()) for it in (innocent, other)]
            with pytest.raises(EngineFailed, match="exit code 3"):
                await deadly.final()
        assert [task.result().text for task in finals] == ["16000 samples"] * 2
        for utterance in (innocent, deadly, other):
            utterance.close()


async def test_partials_come_while_audio_is_pushed() -> None:
    """A word for every 200 ms that were decoded: 16 blocks of 60 ms are 960 ms."""
    async with remote() as pool:
        utterance = pool.open()
        utterance.push(SECOND)
        await until(lambda: utterance.latest == Hypothesis("w0 w1 w2 w3"))
        utterance.push(SECOND)
        assert await utterance.final() == _final("32000 samples")
        utterance.close()


@pytest.mark.parametrize("processes", [1, 2])
async def test_an_utterance_survives_the_death_of_its_process(processes: int) -> None:
    """It is decoded again from its beginning, by another process or the next one."""
    metrics = Metrics()
    async with remote(processes, metrics=metrics) as pool:
        utterance = pool.open()
        utterance.push(SECOND)
        await until(lambda: utterance.latest.text)
        for pid in pool.pids[:1]:
            os.kill(pid, signal.SIGKILL)
        utterance.push(SECOND)
        assert (await utterance.final()).text == "32000 samples"
        utterance.close()
        await until(lambda: len(pool.pids) == processes)
        assert counted(metrics, "engine_restarts", engine="fake") == 1


async def test_an_utterance_whose_process_dies_while_it_is_waited_for() -> None:
    """``final`` takes longer, and that is all."""
    async with remote(slow_s=0.02) as pool:
        utterance = pool.open()
        utterance.push(SECOND)
        async with asyncio.TaskGroup() as group:
            final = group.create_task(utterance.final())
            await asyncio.sleep(0.03)
            os.kill(pool.pids[0], signal.SIGKILL)
            assert (await final).text == "16000 samples"
        utterance.close()


async def test_an_utterance_that_kills_every_process_fails() -> None:
    """It is tried three times; whoever comes next is served."""
    async with remote() as pool:
        deadly = pool.open()
        deadly.push(DEADLY)
        with pytest.raises(EngineFailed, match="exit code 3"):
            await deadly.final()
        deadly.close()
        utterance = pool.open()
        utterance.push(SECOND)
        assert (await utterance.final()).text == "16000 samples"
        utterance.close()


async def test_utterances_wait_with_their_audio_for_a_process() -> None:
    """First come, first served; a closed one waits no longer."""
    async with remote() as pool:
        first, second, third = pool.open(), pool.open(), pool.open()
        for utterance in (first, second, third):
            utterance.push(SECOND)
        assert pool.waiting == 2
        second.close()
        assert pool.waiting == 1
        first.close()
        assert (await third.final()).text == "16000 samples"
        third.close()


async def test_too_many_waiting_utterances_are_refused() -> None:
    """The bound is an error for the newest."""
    async with remote() as pool:
        utterances = [pool.open() for _ in range(1 + MAX_WAITING)]
        with pytest.raises(Overloaded, match="waiting"):
            pool.open()
        for utterance in utterances:
            utterance.close()
        assert pool.waiting == 0


async def test_a_process_is_free_once_its_utterance_is_final() -> None:
    """The lease ends with the result, not with ``close``."""
    async with remote() as pool:
        first, second = pool.open(), pool.open()
        first.push(SECOND)
        await first.final()
        assert (await second.final()).text == "0 samples"
        first.close()
        second.close()


async def test_audio_beyond_the_longest_utterance_is_dropped_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The newest is kept, since the question comes last; what was decoded is heard."""
    monkeypatch.setattr(remote_utterance, "MAX_UTTERANCE_S", 1)
    metrics = Metrics()
    async with remote(metrics=metrics) as pool:
        first, second = pool.open(), pool.open()  # one process: the second waits
        second.push(SECOND[:15_000])
        second.push(SECOND[:2000])
        second.push(SECOND[:500])
        assert counted(metrics, "dropped", queue="utterance") == 1500
        first.close()
        assert (await second.final()).text == "16000 samples"
        second.close()


async def test_a_long_utterance_is_decoded_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Decoded as it comes, nothing of it is lost; only its replay is bounded."""
    monkeypatch.setattr(remote_utterance, "MAX_UTTERANCE_S", 1)
    metrics = Metrics()
    async with remote(metrics=metrics) as pool:
        utterance = pool.open()
        for n in range(1, 9):
            utterance.push(SECOND[: MIC_RATE // 2])
            await until(lambda n=n: utterance._decoded >= n * MIC_RATE - BLOCK)  # type: ignore[misc]
        assert (await utterance.final()).text == "64000 samples"
        assert counted(metrics, "dropped", queue="utterance") == 0
        assert len(utterance._audio) == 0
        utterance.close()


async def test_a_long_recording_is_sent_as_fast_as_it_is_decoded() -> None:
    """A minute at once: the window bounds what is under way, nothing is lost."""
    async with remote() as pool:
        utterance = pool.open()
        utterance.push(np.tile(SECOND, 60))
        job = utterance._job
        assert job is not None
        assert utterance._sent <= remote_utterance.WINDOW + BLOCK
        assert (await utterance.final()).text == "960000 samples"
        utterance.close()


async def test_a_close_is_obeyed_within_one_step() -> None:
    """Two seconds of slow work ahead, and the next utterance has it after a step."""
    async with remote(slow_s=0.2) as pool:
        first = pool.open()
        first.push(np.tile(SECOND, 2))  # 20 steps: 4 s of work
        await asyncio.sleep(0.05)
        loop = asyncio.get_running_loop()
        began = loop.time()
        first.close()
        second = pool.open()
        assert (await second.final()).text == "0 samples"
        assert loop.time() - began < 2
        second.close()


async def test_the_end_of_the_server_ends_those_who_wait() -> None:
    """Nobody waits for a process that will never be."""
    async with remote() as pool:
        leased, waiting = pool.open(), pool.open()
        leased.push(SECOND)
    for utterance in (leased, waiting):
        with pytest.raises(EngineFailed, match="the server ends"):
            await utterance.final()
        utterance.close()


async def test_a_partial_from_before_a_loss_is_not_settled_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It covers only the beginning; it stays the answer where nothing better comes."""
    monkeypatch.setattr(remote_utterance, "REPLAYS", 1)
    async with remote(slow_s=0.02) as pool:
        utterance = pool.open()
        utterance.push(SECOND)
        await until(lambda: utterance.latest.text != "")
        (pid,) = pool.pids
        os.kill(pid, signal.SIGKILL)
        await until(lambda: utterance.latest.text == "")
        await until(lambda: utterance.latest.text != "")
        again = utterance.latest
        utterance.push(DEADLY)
        with pytest.raises(EngineFailed):
            await utterance.final()
        assert utterance.latest.text.startswith(again.text)
