"""Loops whose time is not the machine's."""

from __future__ import annotations

import asyncio
import time

import pytest

from voiceserver.replay.virtual_time import (
    Deadlock,
    Leaked,
    VirtualClock,
    run_hasty,
    run_virtual,
)


def test_an_hour_passes_at_once_and_in_order() -> None:
    """Whoever sleeps is woken at their time."""
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append((name, VirtualClock().now_ns() / 1e9))

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(sleeper("late", 3600))
            group.create_task(sleeper("early", 1800))

    run_virtual(both())
    assert woken == [("early", 1800.0), ("late", 3600.0)]


def test_waiting_for_nobody_is_told() -> None:
    """Rather than for ever."""
    with pytest.raises(Deadlock):
        run_virtual(asyncio.Event().wait())


def test_a_task_left_behind_is_told() -> None:
    """A replay ends what it began."""

    async def leaving() -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(asyncio.sleep(1))

    with pytest.raises(Leaked):
        run_virtual(leaving())


def test_time_is_hasty_while_nobody_works_and_real_while_somebody_does() -> None:
    """Whoever sleeps meanwhile sleeps no shorter than that by the machine's clock."""
    working: list[bool] = []

    async def sleeps() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(2.0)
        hasty_s = loop.time()
        working.append(True)
        began_s = time.monotonic()
        await asyncio.sleep(0.05)
        return hasty_s, time.monotonic() - began_s

    hasty_s, took_s = run_hasty(sleeps(), lambda: bool(working))
    assert hasty_s >= 2.0
    assert took_s >= 0.045
