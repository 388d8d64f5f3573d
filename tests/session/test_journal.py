"""The newest turns and what calls are at."""

from __future__ import annotations

import dataclasses
import json

from voiceserver.budget import Spent, Stage, TurnLedger
from voiceserver.config import BudgetConfig
from voiceserver.session.journal import HOURS, TURNS, Journal

MS = 1_000_000


class FakeTime:
    """A time of day that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


def a_ledger(turn: int = 1, cost_usd: float = 0.0) -> TurnLedger:
    ledger = TurnLedger(turn, BudgetConfig(), 0, "complete", 300.0, "house")
    ledger.spend(Stage.TEXT, 0, 90 * MS, "ok")
    ledger.spent = Spent(cost_usd=cost_usd)
    return ledger


def test_a_call_is_told_with_the_turn_it_is_at() -> None:
    """With stages so far; then with what it has cost, and no more once it is over."""
    time = FakeTime()
    journal = Journal(time)
    journal.began("a")
    journal.began("b")
    time.now_s += 5
    ledger = a_ledger(cost_usd=0.25)
    journal.opened("a", "webrtc", ledger)
    time.now_s += 1
    first, other = journal.calls()
    assert (first["id"], first["carrier"], first["seconds"]) == ("a", "webrtc", 6)
    turn = first["turn"]
    assert isinstance(turn, dict)
    assert turn["seconds"] == 1
    assert [one["stage"] for one in turn["stages"]] == ["text"]
    assert other["turn"] is None
    ledger.first_audio(200 * MS)
    journal.closed("a", "webrtc", ledger.close())
    journal.ended("b")
    (told,) = journal.calls()
    assert (told["turns"], told["cost_usd"], told["turn"]) == (1, 0.25, None)
    (line,) = journal.turns
    assert (line["call"], line["first_audio_ms"]) == ("a", 200)
    assert json.dumps([told, line])
    journal.ended("a")
    assert journal.calls() == []


def test_a_turn_stands_for_the_time_since_the_one_before() -> None:
    """Or since its call was taken; of a call that is not known, for none."""
    time = FakeTime()
    journal = Journal(time)
    journal.began("a")
    lasted_s = []
    for seconds in (8.0, 5.0):
        time.now_s += seconds
        lasted_s.append(journal.closed("a", "webrtc", a_ledger().close()))
    assert [*lasted_s, journal.closed("b", "webrtc", a_ledger().close())] == [8, 5, 0]
    assert [turn["seconds"] for turn in journal.turns] == [8, 5, 0]


def test_turns_and_hours_are_bounded() -> None:
    """The newest stay."""
    time = FakeTime()
    journal = Journal(time)
    for turn in range(TURNS + 10):
        journal.closed("gone", "websocket", a_ledger(turn, 0.01).close())
        time.now_s += 1800
    assert [one["turn"] for one in journal.turns] == [*range(10, TURNS + 10)]
    hours = journal.cost_by_hour
    assert len(hours) == HOURS
    assert {one["usd"] for one in hours} == {0.02}


def test_cost_is_told_by_key() -> None:
    """Of calls that two keys placed, in one hour."""
    journal = Journal(FakeTime())
    journal.began("a", "3fc9")
    journal.began("b", "77aa")
    for call, usd in (("a", 0.01), ("b", 0.2), ("a", 0.03)):
        journal.closed(call, "websocket", a_ledger(1, usd).close())
    told = {one["key"]: one["usd"] for one in journal.cost_by_hour}
    assert told == {"3fc9": 0.04, "77aa": 0.2}


def test_a_turn_tells_numbers_and_names_only() -> None:
    """Nothing that was said is in a record."""
    journal = Journal(FakeTime())
    record = dataclasses.replace(a_ledger().close(), first_audio_ms=None)
    journal.closed("a", "webrtc", record)
    assert journal.turns[0]["first_audio_ms"] is None


def test_whoever_asks_is_told_each_turn_with_its_moment() -> None:
    """When it was begun to be answered, not when it ended."""
    time, told = FakeTime(), []
    journal = Journal(time, told=lambda *turn: told.append(turn))
    journal.began("a")
    journal.opened("a", "webrtc", a_ledger())
    began_s = time.now_s
    time.now_s += 9
    record = a_ledger().close()
    journal.closed("a", "webrtc", record)
    assert told == [("a", "webrtc", began_s, record)]
