"""The event loop's lateness is seen."""

from __future__ import annotations

import asyncio
import time

import pytest

from voiceserver.loop_turns import LoopTurn
from voiceserver.media.pacing import Lateness
from voiceserver.metrics import Metrics
from voiceserver.server.observability import lag
from voiceserver.server.observability.lag import FrameLateness, watch_lag


async def test_a_stalled_loop_is_measured() -> None:
    """A tenth of a second of blocking is one late tick."""
    metrics, late = Metrics(), list[float]()
    shares: list[float] = []

    def noted(lag_ms: float, computed_s: float, passed_s: float) -> None:
        late.append(lag_ms)
        shares.append(computed_s / passed_s)

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch_lag(metrics.loop_lag_seconds, noted))
        await asyncio.sleep(0.03)
        time.sleep(0.1)  # noqa: ASYNC251 - the stall itself
        await asyncio.sleep(0.03)
        watching.cancel()
    value = metrics.registry.get_sample_value("voiceserver_loop_lag_seconds_sum")
    assert max(late) > 70
    assert shares[late.index(max(late))] < 0.9  # who sleeps does not compute
    assert value is not None
    assert value > 0.07


async def test_what_was_put_off_counts_as_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though no timer is, for the loop has a turn whenever one is due."""
    turn, late = LoopTurn(part_ms=0), list[float]()
    monkeypatch.setattr(lag, "LISTENING", turn)
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(
            watch_lag(
                Metrics().loop_lag_seconds, lambda lag_ms, *_: late.append(lag_ms)
            )
        )
        turn.waited(time.perf_counter_ns() - 90_000_000_000)
        async with asyncio.timeout(10):
            while len(late) < 2:  # noqa: ASYNC110 - by the loop's own timer
                await asyncio.sleep(0.02)
        watching.cancel()
    assert late[0] > 80_000 > late[1]


def test_how_late_frames_were_is_shown() -> None:
    """As a histogram in seconds, each bucket with those before it."""
    lateness, metrics = Lateness(), Metrics()
    for late_ms, n_frames in ((-1, 5), (0.5, 10), (7, 3), (1000, 2)):
        lateness.note(round(late_ms * 1e6), n_frames)
    metrics.registry.register(FrameLateness(lateness))
    name = "voiceserver_frame_lateness_seconds"
    shown = {
        end: metrics.registry.get_sample_value(f"{name}_bucket", {"le": end})
        for end in ("0.001", "0.005", "0.01", "0.25", "+Inf")
    }
    assert shown == {"0.001": 15, "0.005": 15, "0.01": 18, "0.25": 18, "+Inf": 20}
    assert metrics.registry.get_sample_value(f"{name}_sum") == pytest.approx(2.026)
