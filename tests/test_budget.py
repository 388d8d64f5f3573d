"""The ledger of a turn."""

from __future__ import annotations

import pytest

from voiceserver.budget import Stage, TurnLedger
from voiceserver.config import BudgetConfig

MS = 1_000_000


def ledger() -> TurnLedger:
    return TurnLedger(1, BudgetConfig(), 5 * MS, "complete", 300.0)


def test_a_line_tells_what_each_stage_was_given_and_took() -> None:
    """Times count from the commit."""
    book = ledger()
    book.spend(Stage.RECOGNITION, 5 * MS, 45 * MS, "ok")
    book.spend(Stage.TEXT, 45 * MS, 145 * MS, "ok")
    record = book.close()
    recognition, text = record.stages
    assert (recognition.started_ms, recognition.spent_ms) == (0, 40)
    assert recognition.planned_ms == BudgetConfig().recognition_ms
    assert (text.started_ms, text.spent_ms) == (40, 100)
    assert (record.endpoint_reason, record.endpoint_ms) == ("complete", 300.0)


def test_the_first_audio_ends_the_turn_and_egress() -> None:
    """Egress runs from the first chunk made to the first frame taken."""
    book = ledger()
    book.spend(Stage.SPEECH, 105 * MS, 155 * MS, "ok")
    book.first_audio(165 * MS)
    book.first_audio(999 * MS)
    record = book.close()
    assert record.first_audio_ms == pytest.approx(160)
    assert record.stages[-1].stage is Stage.EGRESS
    assert record.stages[-1].spent_ms == pytest.approx(10)
    assert record.blame == ""


def test_a_late_turn_blames_its_longest_stage() -> None:
    """Past the target somebody answers for it."""
    book = ledger()
    book.spend(Stage.RECOGNITION, 5 * MS, 45 * MS, "ok")
    book.spend(Stage.TEXT, 45 * MS, 1045 * MS, "ok")
    book.spend(Stage.SPEECH, 1045 * MS, 1095 * MS, "ok")
    book.first_audio(1100 * MS)
    assert book.close().blame == "text"


def test_every_stage_has_a_limit() -> None:
    """No engine call of a reply is unbounded."""
    assert all(ledger().limit_ms(stage) > 0 for stage in Stage)
    assert not ledger().has(Stage.TEXT)
