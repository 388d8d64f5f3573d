"""The account of a turn: written once, to log, metrics and ledger."""

from __future__ import annotations

import logging

import pytest

from voiceserver.budget import Spent, Stage, TurnLedger
from voiceserver.config import BudgetConfig
from voiceserver.metrics import Metrics
from voiceserver.purse import Purse
from voiceserver.session.journal import Journal
from voiceserver.session.turn_account import TurnAccount

MS = 1_000_000


def a_turn(metrics: Metrics) -> TurnAccount:
    account = TurnAccount("call-1", metrics, "webrtc", Purse(), Journal())
    ledger = TurnLedger(3, BudgetConfig(), 0, "complete", 300.0, "responder")
    account.open(ledger)
    ledger.spend(Stage.TEXT, 0, 900 * MS, "ok")
    account.first_audio(950 * MS)
    account.generated("completed")
    return account


def test_a_turn_is_written_once(caplog: pytest.LogCaptureFixture) -> None:
    """With call and turn as fields, and no word of what was said."""
    account = a_turn(Metrics())
    with caplog.at_level(logging.INFO):
        record = account.close()
        assert account.close() is None
    assert record is not None
    [line] = caplog.records
    assert (line.call, line.turn) == ("call-1", 3)  # type: ignore[attr-defined]
    assert line.blame == "text"  # type: ignore[attr-defined]


def test_a_turn_says_what_a_minute_like_it_costs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """By the time since the turn before it; of a call that is not known, nothing."""
    now_s = [100.0]
    journal = Journal(lambda: now_s[0])
    account = TurnAccount("call-1", Metrics(), "webrtc", Purse(), journal)
    with caplog.at_level(logging.INFO):
        for took_s in (0.0, 15.0):
            now_s[0] += took_s
            ledger = TurnLedger(1, BudgetConfig(), 0, "complete", 300.0, "a")
            ledger.spent = Spent(cost_usd=0.02)
            account.open(ledger)
            account.close()
            journal.began("call-1")
    told = [line.minute_usd for line in caplog.records]  # type: ignore[attr-defined]
    assert told == [None, 0.08]


def test_a_turn_is_measured() -> None:
    """By stage, by who answered, and late turns by who is to blame."""
    metrics = Metrics()
    a_turn(metrics).close()
    value = metrics.registry.get_sample_value
    turns = {"answered_by": "responder", "outcome": "completed"}
    assert value("voiceserver_turns_total", turns) == 1
    stage = {"stage": "text", "outcome": "late"}
    assert value("voiceserver_stage_seconds_sum", stage) == pytest.approx(0.9)
    assert value("voiceserver_turns_late_total", {"stage": "text"}) == 1
    kept = {"carrier": "webrtc", "kept": "missed"}
    assert value("voiceserver_turns_judged_total", kept) == 1
    first = {"carrier": "webrtc"}
    assert value("voiceserver_first_audio_seconds_sum", first) == pytest.approx(0.95)


def test_without_a_turn_nothing_happens() -> None:
    """Between turns there is no ledger."""
    account = TurnAccount("call-1", Metrics(), "webrtc", Purse(), Journal())
    account.first_audio(1)
    account.generated("completed")
    assert account.answered_by == ""
    assert account.close() is None
