"""What an engine tells about its work."""

from __future__ import annotations

import dataclasses
from typing import get_args

from voiceserver.budget import Spent, Step
from voiceserver.engines.base import SpeechRequest, TextRequest
from voiceserver.engines.notes import Answering, Note, paid_by
from voiceserver.purse import Purse


def test_notes_for_nobody_are_no_error() -> None:
    """An engine tells them always; who keeps no ledger need not say so."""
    for note in (Answering("b"), Step.HEDGE, Spent(9, 2)):
        TextRequest(()).observe(note)
        SpeechRequest("hello").observe(note)


def test_what_was_told_cannot_be_changed_afterwards() -> None:
    """The ledger has it by then."""
    kinds = [kind for kind in get_args(Note) if dataclasses.is_dataclass(kind)]
    assert Answering in kinds
    assert all("__setattr__" in vars(kind) for kind in kinds)


def test_costs_are_paid_and_other_notes_are_left() -> None:
    """Of a chain's notes, whatever their order."""
    purse = Purse()
    observe = paid_by(purse.pay)
    for note in (Answering("a"), Spent(cost_usd=0.25), Step.HEDGE, Spent(1, 2)):
        observe(note)
    assert purse.spent_usd == 0.25
