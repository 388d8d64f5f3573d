"""Processes of workers: started again, and ended in order."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from tests.processes.children import gone
from voiceserver.metrics import Metrics
from voiceserver.processes.process import ChildSpec, StartFailed
from voiceserver.server.front import fleet
from voiceserver.server.front.fleet import WorkerProcess

pytestmark = pytest.mark.net

LIMIT_S = 60.0


class Watched:
    """One worker's process, and what was told of it.

    Attributes:
        told: "joined" and "parted", in order.
        pids: Of those that joined.
    """

    def __init__(self, settings: dict[str, object] | None = None) -> None:
        self.told: list[str] = []
        self.pids: list[int] = []
        self.metrics = Metrics()
        self._changed = asyncio.Event()
        name = "worker 1"
        spec = ChildSpec(
            name, "tests.server.front.fake_worker", settings or {}, ours=True
        )
        self.answering = True
        self.news: list[dict[str, object]] = []
        self.process = WorkerProcess(
            spec,
            self._joined,
            self._answers,
            lambda: self._tell("parted"),
            self.metrics,
            self._heard,
        )

    async def until(self, *told: str) -> None:
        async with asyncio.timeout(LIMIT_S):
            while self.told != list(told):
                self._changed.clear()
                await self._changed.wait()

    async def _answers(self) -> bool:
        return self.answering

    async def _joined(self) -> None:
        self.answering = True
        inside = self.process._process
        assert inside is not None
        self.pids.append(inside.pid)
        self._tell("joined")

    def _heard(self, news: dict[str, object]) -> None:
        self.news.append(news)
        self._tell("heard")

    def _tell(self, what: str) -> None:
        self.told.append(what)
        self._changed.set()


async def ended(task: asyncio.Task[None]) -> None:
    async with asyncio.timeout(LIMIT_S):
        await asyncio.wait({task})


async def test_news_go_both_ways() -> None:
    """While it runs; before and after, nobody is there to be told."""
    watched = Watched()
    watched.process.tell({"too": "early"})
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watched.process.run())
        await watched.until("joined")
        watched.process.tell({"day": "2026-01-01"})
        await watched.until("joined", "heard")
        task.cancel()
    watched.process.tell({"too": "late"})
    assert watched.news == [{"day": "2026-01-01"}]


async def test_a_killed_worker_is_started_again() -> None:
    """Counted; and gone for good once it is not wanted any more."""
    watched = Watched()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watched.process.run())
        await watched.until("joined")
        os.kill(watched.pids[0], signal.SIGKILL)
        await watched.until("joined", "parted", "joined")
        task.cancel()
    assert watched.told[-1] == "parted"
    assert all(map(gone, watched.pids))
    restarts = watched.metrics.registry.get_sample_value(
        "voiceserver_engine_restarts_total", {"engine": "worker"}
    )
    assert restarts == 1


async def test_a_worker_that_hangs_is_ended_and_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After it has not answered a few times in a row."""
    monkeypatch.setattr(fleet, "PING_S", 0.01)
    watched = Watched()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watched.process.run())
        await watched.until("joined")
        watched.answering = False
        await watched.until("joined", "parted", "joined")
        task.cancel()
    assert all(map(gone, watched.pids))


async def test_a_first_start_that_is_refused_says_why() -> None:
    """In the worker's words; there is nothing to wait for."""
    watched = Watched({"refuses": "no such voice"})
    with pytest.raises(StartFailed, match="no such voice"):
        await watched.process.run()
    assert watched.told == []


@pytest.mark.parametrize("when", ["up", "starting"])
async def test_one_that_drains_ends_and_is_not_started_again(when: str) -> None:
    """Also if it was told before it was up."""
    watched = Watched()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watched.process.run())
        if when == "up":
            await watched.until("joined")
        watched.process.drain()
        await ended(task)
    assert watched.told == ["joined", "parted"]
    assert all(map(gone, watched.pids))
