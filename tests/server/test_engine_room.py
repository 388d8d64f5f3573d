"""The engines, once they are warm."""

from __future__ import annotations

import pytest

from tests.server.running import fake_engines
from voiceserver.overload import Load
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
