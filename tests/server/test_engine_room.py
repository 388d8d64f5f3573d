"""The engines, once they are warm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.server.running import fake_engines
from voiceserver.overload import FULL_AFTER, TICKS, Load
from voiceserver.server.answers import Refusal
from voiceserver.server.engine_room import EngineRoom


def test_engines_are_there_only_between_warm_and_end() -> None:
    """Before and after, a request is asked to wait."""
    room, engines = EngineRoom(), fake_engines()
    with pytest.raises(Refusal):
        room.get()
    room.open(engines)
    assert room.ready
    assert room.get() is engines
    room.close()
    with pytest.raises(Refusal):
        room.get()


def test_lateness_counts_for_the_engines_that_are_there() -> None:
    """Before they are warm nothing is overloaded: loading is what it is."""
    room, engines = EngineRoom(), fake_engines()
    for _ in range(200):
        room.late(500)
    room.open(engines)
    assert engines.overload.level is Load.NORMAL
    for _ in range(200):
        room.late(500)
    assert engines.overload.level > Load.NORMAL


def test_no_call_more_is_taken_while_too_many_speak() -> None:
    """Calls are not counted: it is who speaks; requests that are no calls go on."""
    room = EngineRoom()
    speaking = [8]
    room.open(engines := replace(fake_engines(), ears=lambda: (speaking[0], 4)))
    assert room.for_a_call() is engines
    for _ in range(1000):
        room.late(0)
    with pytest.raises(Refusal):
        room.for_a_call()
    assert room.get() is engines
    speaking[0] = 1
    for _ in range(1000):
        room.late(0)
    assert room.for_a_call() is engines


def test_no_call_more_is_taken_while_those_in_progress_are_late() -> None:
    """Whatever the limit; who is in goes on, and it is over once they are in time."""
    refusals: list[str] = []
    room = EngineRoom(lambda: (12, 0), refusals.append)
    room.open(engines := fake_engines())
    for n in range(FULL_AFTER * TICKS):
        room.late(25.0 if n % 5 == 0 else 2.0)
    assert engines.overload.level is Load.NORMAL
    with pytest.raises(Refusal) as refused:
        room.for_a_call()
    assert refused.value.status == 503
    assert refused.value.headers["Retry-After"]
    assert refusals == ["late"]
    assert room.get() is engines
    for _ in range(300):
        room.late(2.0)
    assert room.for_a_call() is engines
