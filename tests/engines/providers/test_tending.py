"""Providers are probed and kept warm, and seen at the start; in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from tests.engines.providers.chain_bench import Bench, run
from voiceserver.engines.providers.breaker import BreakerState


def test_a_probe_brings_a_provider_back() -> None:
    """In the background; no turn is spent on it before."""
    bench = Bench("429:3", "ok")

    async def scenario() -> list[str]:
        async with bench.chain:
            first = await bench.turn()
            bench.transport.services["a"].fault = "ok"
            second = await bench.turn()
            assert bench.transport.asked.count("429:3") == 1
            await asyncio.sleep(4)
            return [first.by, second.by, (await bench.turn()).by]

    assert run(scenario()) == ["b", "b", "a"]


def test_a_probe_that_fails_is_repeated_ever_later() -> None:
    """About 5, 10, 20, 40 s: four in the first 90 s, and no turn waits for one."""
    bench = Bench("500", "ok")

    async def scenario() -> int:
        async with bench.chain:
            await bench.turns(3)
            await asyncio.sleep(90)
            return bench.transport.asked.count("500")

    assert run(scenario()) == 3 + 4


def test_a_probe_that_meets_a_fault_of_ours_is_one_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What escaped it ended the server, and every call with it."""
    bench = Bench("500", "ok")

    def faulty(*_: object) -> None:
        raise ZeroDivisionError

    async def scenario() -> list[str]:
        async with bench.chain:
            await bench.turns(3)
            with monkeypatch.context() as patched:
                patched.setattr(bench.transport, "send", faulty)
                await asyncio.sleep(30)
            bench.transport.services["a"].fault = "ok"
            by = [(await bench.turn()).by]
            await asyncio.sleep(60)
            return [*by, (await bench.turn()).by]

    assert run(scenario()) == ["b", "a"]


@pytest.mark.parametrize(("fault", "by"), [("think-on", "a"), ("stall:1", "b")])
def test_a_probe_asks_for_life_and_no_more(fault: str, by: str) -> None:
    """Thoughts that go on beyond its limit are life; a stream that stalls is none."""
    bench = Bench("500", "ok")

    async def scenario() -> str:
        async with bench.chain:
            await bench.turns(3)
            bench.transport.services["a"].fault = fault
            await asyncio.sleep(25)
            bench.transport.services["a"].fault = "ok"
            return (await bench.turn()).by

    assert run(scenario()) == by


def test_an_idle_connection_is_kept() -> None:
    """Warmed at the start and every 25 s that nobody asks; a turn does it too."""
    bench = Bench("ok")

    async def scenario() -> list[int]:
        counts = []
        async with bench.chain:
            counts.append(bench.transport.warmed)
            for _ in range(5):
                await asyncio.sleep(20)
                await bench.turn()
            counts.append(bench.transport.warmed)
            await asyncio.sleep(60)
            counts.append(bench.transport.warmed)
        return counts

    assert run(scenario()) == [1, 1, 3]


def test_a_refused_key_is_seen_at_the_start() -> None:
    """No turn is spent on it."""
    bench = Bench("ok", "ok")
    bench.transport.refuses.add("a")

    async def scenario() -> str:
        async with bench.chain:
            return (await bench.turn()).by

    assert run(scenario()) == "b"
    assert bench.routes["a"].breaker.state is BreakerState.MISCONFIGURED


def test_a_list_of_models_that_is_forbidden_proves_nothing() -> None:
    """Restricted keys may ask, and list nothing: an answer decides."""
    bench = Bench("ok", "ok")
    bench.transport.forbids.add("a")

    async def scenario() -> str:
        async with bench.chain:
            await asyncio.sleep(10)
            return (await bench.turn()).by

    assert run(scenario()) == "a"
    assert bench.routes["a"].breaker.state is BreakerState.CLOSED
