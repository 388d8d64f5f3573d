"""Calls that came past the front."""

from __future__ import annotations

import pytest

from voiceserver.errors import Overloaded
from voiceserver.metrics import Metrics
from voiceserver.server.front.common import News
from voiceserver.server.front.counts import LET_IN, OWN_CALLS, Counts
from voiceserver.server.places import Room


def test_both_ways_count_for_one_limit() -> None:
    """A worker that dies takes its calls along."""
    room = Room(3, 0, Metrics())
    counts = Counts(room)
    told: list[News] = []
    counts.joined(1, told.append)
    room.take("a")
    assert told == [{LET_IN: 0}, {LET_IN: 1}]
    assert counts.heard(1, {OWN_CALLS: 2})
    with pytest.raises(Overloaded, match="All 3 lines"):
        room.check("b")
    counts.parted(1)
    room.check("b")
    room.leave("a")
    assert told == [{LET_IN: 0}, {LET_IN: 1}]
    assert not counts.heard(1, {"day": "2026-01-01", "spent_usd": 1.0})
