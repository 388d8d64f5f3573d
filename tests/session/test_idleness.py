"""The user's silence after a reply."""

from __future__ import annotations

import asyncio

from tests.virtual_time import run_virtual
from voiceserver.session.idleness import Idleness


def test_patience_ends_once_unless_somebody_speaks() -> None:
    """Begun anew it counts anew; ended it never elapses; 0 is for ever."""

    async def scenario() -> list[int]:
        elapsed: list[int] = []
        idleness = Idleness(elapsed.append)
        idleness.began(1, 5000)
        await asyncio.sleep(4)
        idleness.began(2, 5000)
        await asyncio.sleep(6)
        idleness.began(3, 5000)
        idleness.ended()
        idleness.began(4, 0)
        await asyncio.sleep(9)
        return elapsed

    assert run_virtual(scenario()) == [2]
