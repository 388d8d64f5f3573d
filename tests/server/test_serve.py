"""Start-up, the end, and what holds the calls."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator

import pytest

from tests.server.running import fake_engines, running
from voiceserver.config import Config
from voiceserver.engines.base import Engines
from voiceserver.errors import EngineFailed, VoiceServerError
from voiceserver.metrics import Metrics
from voiceserver.server.connections import bound_socket
from voiceserver.server.serve import ServerParts, serve, stopped_by_signals

pytestmark = pytest.mark.net


async def test_the_end_tells_the_calls_and_is_bounded() -> None:
    """They hear why, and are over before the engines go."""
    async with running() as server:
        for _ in range(3):
            assert (await server.place())[0] == 201
        server.stop.set()
        for call in server.placed:
            await call.over.wait()
    assert [call.reasons for call in server.placed] == [
        ["The server is shutting down."]
    ] * 3
    assert server.lines[-1] == "voiceserver ends ..."


async def test_an_engine_that_cannot_be_opened_ends_the_start() -> None:
    """With its own words."""

    @contextlib.asynccontextmanager
    async def broken(config: Config, metrics: Metrics) -> AsyncGenerator[Engines, None]:
        if config.engines.speech != "stub":
            raise EngineFailed("speech", "no voice file")
        yield fake_engines()

    def no_calls(config: Config, metrics: Metrics) -> object:
        return None

    with bound_socket("127.0.0.1", 0) as listening:
        parts = ServerParts(broken, no_calls)  # type: ignore[arg-type]
        with pytest.raises(ExceptionGroup) as failed:
            await serve(Config(), listening, parts, asyncio.Event(), lambda url: None)
    assert failed.group_contains(VoiceServerError, match="no voice file")


async def test_the_end_does_not_wait_for_engines_to_load() -> None:
    """They are given up, and cleaned up."""
    opening, closed = asyncio.Event(), asyncio.Event()

    @contextlib.asynccontextmanager
    async def endless(
        config: Config, metrics: Metrics
    ) -> AsyncGenerator[Engines, None]:
        try:
            opening.set()
            await asyncio.Event().wait()
            yield fake_engines()
        finally:
            closed.set()

    def no_calls(config: Config, metrics: Metrics) -> object:
        return None

    stop = asyncio.Event()
    with bound_socket("127.0.0.1", 0) as listening:
        parts = ServerParts(endless, no_calls)  # type: ignore[arg-type]
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(Config(), listening, parts, stop, lambda url: None))
            await opening.wait()
            stop.set()
    assert closed.is_set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_ask_for_the_end(number: int) -> None:
    """And are let go of afterwards."""
    stop = asyncio.Event()
    with stopped_by_signals(stop):
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await stop.wait()
