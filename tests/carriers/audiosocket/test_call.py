"""Calls by AudioSocket, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.carriers.audiosocket.asterisk import Asterisk
from tests.carriers.incoming import incoming
from tests.fakes import FakeText
from tests.virtual_time import run_virtual
from voiceserver.carriers.audiosocket.call import MAX_WAITING_BYTES, AudioSocketCall
from voiceserver.carriers.telephony.attendant import Dialled
from voiceserver.config import Config, TelephonyConfig
from voiceserver.metrics import Metrics

Scenario = Callable[[Asterisk], Coroutine[Any, Any, None]]


def called(
    scenario: Scenario,
    greeting: str = "",
    words: int = 4,
    leaves: bool = True,
    metrics: Metrics | None = None,
    line: tuple[int, int] = (8_000, 0x10),
) -> tuple[Asterisk, str]:
    """Run a call; it ends with the scenario, as if the caller hung up."""

    async def call() -> tuple[Asterisk, str]:
        asterisk = Asterisk(*line)
        config = replace(Config(), telephony=TelephonyConfig(greeting=greeting))
        given = incoming(config, text=FakeText(words=words), metrics=metrics)
        held = AudioSocketCall(given, asterisk.reader, asterisk.writer, Dialled())
        async with asyncio.TaskGroup() as group:
            running = group.create_task(held.run())
            await scenario(asterisk)
            if leaves:
                asterisk.put(0x00)
            await running
        return asterisk, running.result()

    return run_virtual(call())


async def turn(asterisk: Asterisk) -> None:
    await asterisk.tone(1.0, 0.3)
    await asterisk.tone(3.0, 0.0)


@pytest.mark.parametrize("line", [(8_000, 0x10), (16_000, 0x12), (44_100, 0x15)])
def test_a_turn_is_answered_in_the_lines_own_rate(line: tuple[int, int]) -> None:
    """One frame each 20 ms, silence too; four words of 200 ms among it."""
    asterisk, _ = called(turn, line=line)
    later = [each for each in asterisk.audio if each[0] > 0.5]
    times_s = [at_s for at_s, _ in later]
    assert np.diff(times_s) == pytest.approx(0.02, abs=0.001)
    rate, kind = line
    assert {(frame.kind, len(frame.payload)) for _, frame in later} == {
        (kind, rate // 50 * 2)
    }
    assert len(asterisk.sounding) == pytest.approx(41, abs=1)


def test_an_interruption_is_silence_at_once() -> None:
    """Nothing is ahead that could sound on."""

    async def scenario(asterisk: Asterisk) -> None:
        await asterisk.tone(1.0, 0.3)
        await asterisk.tone(2.0, 0.0)
        await asterisk.tone(1.0, 0.3)
        await asterisk.tone(0.3, 0.0)

    asterisk, _ = called(scenario, words=60)
    assert asterisk.sounding[-1][0] < 3.0 + 0.5 + 0.15  # confirmed after 500 ms
    assert asterisk.audio[-1][0] > 4.2


def test_the_caller_is_greeted() -> None:
    """Before anything is said."""

    async def scenario(_asterisk: Asterisk) -> None:
        await asyncio.sleep(2)

    asterisk, _ = called(scenario, greeting="Good evening to you")
    assert asterisk.sounding[0][0] < 0.3
    assert len(asterisk.sounding) == pytest.approx(41, abs=1)


@pytest.mark.parametrize(
    ("kind", "payload", "reason"),
    [
        (0x00, b"", "The caller hung up."),
        (0xFF, b"\x02", "Asterisk reports the error 02."),
        (0x10, b"abc", "A frame of audio cannot be used"),
    ],
)
def test_a_call_ends_with_a_reason(kind: int, payload: bytes, reason: str) -> None:
    """And Asterisk is told to hang up."""

    async def scenario(asterisk: Asterisk) -> None:
        asterisk.put(0x42, b"of a newer one")
        await asyncio.sleep(0.1)
        asterisk.put(kind, payload)

    asterisk, why = called(scenario, leaves=False)
    assert why.startswith(reason)
    assert asterisk.writer.frames[-1][1].kind == 0x00
    assert asterisk.writer.closed


def test_a_connection_that_is_cut_ends_the_call() -> None:
    """In the midst of a frame."""

    async def scenario(asterisk: Asterisk) -> None:
        asterisk.reader.feed_data(b"\x10\x01")
        asterisk.reader.feed_eof()

    _, why = called(scenario, leaves=False)
    assert why == "The connection was closed."


def test_a_connection_that_is_reset_ends_the_call() -> None:
    """Frames are still due, and a goodbye is, when nothing can be written any more."""

    async def scenario(asterisk: Asterisk) -> None:
        await asyncio.sleep(0.1)
        asterisk.writer.transport.closing = True
        await asyncio.sleep(0.1)
        asterisk.reader.set_exception(ConnectionResetError())

    _, why = called(scenario, leaves=False)
    assert why == "The connection was closed."


def test_what_asterisk_does_not_take_is_left_out() -> None:
    """And counted; memory is bounded, and nothing is said late."""
    metrics = Metrics()

    async def scenario(asterisk: Asterisk) -> None:
        asterisk.writer.transport.waiting = MAX_WAITING_BYTES + 1
        await asyncio.sleep(1)

    asterisk, _ = called(scenario, metrics=metrics)
    assert not asterisk.audio
    name, labels = "voiceserver_carrier_calls_total", {"carrier": "audiosocket"}
    assert metrics.registry.get_sample_value(name, labels) == 1
    name, labels = "voiceserver_dropped_total", {"queue": "send"}
    assert metrics.registry.get_sample_value(name, labels) == pytest.approx(50, abs=3)
