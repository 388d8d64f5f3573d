"""A worker dies: its calls end and come again, the other workers' never notice."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import psutil
import pytest

from benchmarks.caller import Caller
from tests.browser import open_browser
from tests.e2e.running import PATIENT, STUBS, Running, running_server
from tests.e2e.test_killed_engines import SESSION, ask, event
from tests.recordings import microphone

pytestmark = pytest.mark.net

LIMIT_S = 45.0
TRANSCRIPT = "conversation.item.input_audio_transcription.completed"
STATE = "document.body.dataset.state"
QUIET = '[engines]\nspeech = "stub"\n[recogniser]\nprocesses = 2\n'
TWO = "[server]\nworkers = 2\n"


def pid_of(server: Running, worker: int) -> int:
    """Process id of a worker."""
    name = f"worker {worker}"
    for child in psutil.Process(server.process.pid).children():
        if name in child.cmdline():
            return int(child.pid)
    raise AssertionError(f"no {name}")


async def all_up(server: Running, number: int = 2) -> None:
    """Wait until so many workers take calls."""
    async with aiohttp.ClientSession() as client, asyncio.timeout(LIMIT_S):
        while True:
            async with client.get(f"{server.url}/readyz") as answer:
                if (await answer.json()).get("workers") == number:
                    return
            await asyncio.sleep(0.05)


async def holder(server: Running) -> int:
    """Which worker has the one call; a ping or the page's own request decides too."""
    async with (
        asyncio.timeout(LIMIT_S),
        aiohttp.ClientSession() as client,
        client.get(f"{server.url}/v1/ops") as answer,
    ):
        told = (await answer.json())["data"]
    (number,) = (one["process"] for one in told if one["calls"])
    return int(number)


async def packets(caller: Caller, more: int) -> None:
    """Wait until so many more packets have come."""
    wanted = len(caller.packets) + more
    async with asyncio.timeout(LIMIT_S):
        while len(caller.packets) < wanted:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)


@pytest.mark.speech
async def test_the_other_workers_calls_never_notice() -> None:
    """Killed in the midst of a question, which is understood and answered aloud."""
    async with running_server(QUIET + TWO + PATIENT) as server:
        await all_up(server)
        lost, live = Caller(server.url), Caller(server.url)
        try:
            await lost.connect()
            doomed = await holder(server)
            await live.connect(SESSION)  # to the other, as that has no call
            await packets(lost, 5)
            took_s = ask(live)
            await asyncio.sleep(took_s / 2)
            os.kill(pid_of(server, doomed), signal.SIGKILL)
            heard = await event(live, TRANSCRIPT)
            assert heard["transcript"] == "how old is the brooklyn bridge"
            await event(live, "output_audio_buffer.started")
            done = await event(live, "response.done")
            assert done["response"]["status"] == "completed"
            n_lost = len(lost.packets)
            await packets(live, 25)
            assert len(lost.packets) == n_lost
            await all_up(server)
            again = Caller(server.url)
            await again.connect()
            await packets(again, 5)
            await again.close()
        finally:
            await lost.close()
            await live.close()


async def test_the_page_comes_back_by_itself(tmp_path: Path) -> None:
    """Two seconds without audio and it calls again, whichever worker is there."""
    quiet = microphone(tmp_path, 30.0)  # or what it hears is answered, and it listens
    async with (
        running_server(STUBS + TWO) as server,
        open_browser(microphone=quiet) as browser,
    ):
        await all_up(server)
        await browser.navigate(server.url)
        await browser.click("#talk")
        await browser.wait_for(f"{STATE} === 'listening'", 20)
        os.kill(pid_of(server, await holder(server)), signal.SIGKILL)
        await browser.wait_for(f"{STATE} === 'reconnecting'", 20)
        await browser.wait_for(f"{STATE} === 'listening'", 20)
