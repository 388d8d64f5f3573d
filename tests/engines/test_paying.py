"""Money in notes goes to who pays; other notes are none of their business."""

from __future__ import annotations

from voiceserver.budget import Spent, Step
from voiceserver.engines.notes import (
    Answering,
)
from voiceserver.engines.paying import paid_by
from voiceserver.purse import Purse


def test_costs_are_paid_and_other_notes_are_left() -> None:
    """Of a chain's notes, whatever their order."""
    purse = Purse()
    observe = paid_by(purse.pay)
    for note in (Answering("a"), Spent(cost_usd=0.25), Step.HEDGE, Spent(1, 2)):
        observe(note)
    assert purse.spent_usd == 0.25
