"""The budget of a turn and its ledger."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.budget import (
    ORDER,
    Called,
    Pressure,
    Spent,
    Stage,
    Step,
    TurnLedger,
    cap_ms,
    reserve_ms,
)
from voiceserver.config import BudgetConfig

MS = 1_000_000
COMMIT = 5 * MS
BUDGET = BudgetConfig()


def ledger(config: BudgetConfig = BUDGET) -> TurnLedger:
    return TurnLedger(1, config, COMMIT, "complete", 300.0)


@st.composite
def configs(draw: st.DrawFn) -> BudgetConfig:
    """Budgets that do not contradict themselves."""
    reserves = [draw(st.integers(0, 200)) for _ in ORDER]
    caps = [reserve + draw(st.integers(0, 600)) for reserve in reserves]
    turn = max(1, sum(reserves) + draw(st.integers(0, 800)))
    return BudgetConfig(
        turn_ms=turn,
        recognition_reserve_ms=reserves[0],
        recognition_cap_ms=caps[0],
        recognition_ms=caps[0] + 300,
        recognition_last_ms=caps[0] + 3000,
        text_reserve_ms=reserves[1],
        text_cap_ms=caps[1],
        text_first_ms=caps[1] + 200,
        text_first_complex_ms=caps[1] + 800,
        text_words_ms=caps[1] + 1600,
        text_total_ms=caps[1] + 8000,
        speech_reserve_ms=reserves[2],
        speech_cap_ms=caps[2],
        speech_first_ms=caps[2] + 200,
        speech_last_ms=caps[2] + 900,
        egress_reserve_ms=reserves[3],
        egress_ms=caps[3],
    )


times = st.floats(0, 3000, allow_nan=False)


def at(ms: float) -> int:
    return COMMIT + int(ms * MS)


@given(configs(), st.sampled_from(Stage), times)
def test_a_limit_is_never_above_its_cap_nor_below_nothing(
    config: BudgetConfig, stage: Stage, started_ms: float
) -> None:
    """Whenever the stage begins."""
    limit = ledger(config).soft_ms(stage, at(started_ms))
    assert 0 <= limit <= cap_ms(config, stage)


@given(configs(), st.sampled_from(Stage), times, times)
def test_what_is_overdrawn_shrinks_later_limits_and_slack_never_does(
    config: BudgetConfig, stage: Stage, one_ms: float, other_ms: float
) -> None:
    """A stage that begins earlier never gets less."""
    book = ledger(config)
    early, late = sorted((one_ms, other_ms))
    assert book.soft_ms(stage, at(early)) >= book.soft_ms(stage, at(late))


@given(configs(), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_stages_that_keep_their_limits_keep_the_deadline(
    config: BudgetConfig, shares: list[float]
) -> None:
    """And each finds at least its reserve: the sum of limits is the turn."""
    book = ledger(config)
    now_ms = 0.0
    for stage, share in zip(ORDER, shares, strict=True):
        limit = book.soft_ms(stage, at(now_ms))
        assert limit >= min(reserve_ms(config, stage), cap_ms(config, stage)) - 1e-3
        now_ms += share * limit
    assert now_ms <= config.turn_ms + 1e-3


@given(configs(), st.lists(st.floats(0, 900), min_size=4, max_size=4))
def test_a_missed_turn_has_one_to_blame_and_a_kept_one_nobody(
    config: BudgetConfig, spent: list[float]
) -> None:
    """It is a stage that ran, the one that overdrew its cap most."""
    book = ledger(config)
    now_ms = 0.0
    for stage, took in zip(ORDER[:3], spent, strict=False):
        book.spend(stage, at(now_ms), at(now_ms + took), "ok")
        now_ms += took
    book.first_audio(at(now_ms + spent[3]))
    record = book.close()
    assert record.first_audio_ms is not None
    missed = record.first_audio_ms > config.turn_ms
    assert bool(record.blame) == missed
    if missed:
        over = {s.stage: s.spent_ms - cap_ms(config, s.stage) for s in record.stages}
        assert over[Stage(record.blame)] == max(over.values())


def test_the_defaults_are_the_table() -> None:
    """Recognition 100, text 420, speech 110, egress 40 ms, of 700."""
    book = ledger()
    limits = [book.soft_ms(stage, COMMIT) for stage in Stage]
    assert limits == [100, 420, 110, 40]
    assert sum(limits) <= BUDGET.turn_ms


def test_a_late_transcript_shortens_the_text() -> None:
    """After 400 ms 300 are left, 65 of them kept for speech and egress."""
    assert ledger().soft_ms(Stage.TEXT, at(400)) == 235


def test_a_turn_is_ok_then_tight_then_late() -> None:
    """Slack is what the reserves leave: 395 ms of 700 at the commit."""
    book = ledger()
    assert book.pressure(Stage.TEXT, at(40)) is Pressure.OK
    assert book.pressure(Stage.TEXT, at(300)) is Pressure.TIGHT
    assert book.pressure(Stage.TEXT, at(436)) is Pressure.LATE


def test_a_line_tells_what_each_stage_was_given_and_took() -> None:
    """Times count from the commit."""
    book = ledger()
    book.spend(Stage.RECOGNITION, 5 * MS, 45 * MS, "ok")
    book.spend(Stage.TEXT, 45 * MS, 145 * MS, "ok")
    record = book.close()
    recognition, text = record.stages
    assert (recognition.started_ms, recognition.spent_ms) == (0, 40)
    assert recognition.planned_ms == BUDGET.recognition_cap_ms
    assert (text.started_ms, text.spent_ms, text.outcome) == (40, 100, "ok")
    assert (record.endpoint_reason, record.endpoint_ms) == ("complete", 300.0)


def test_what_passed_before_the_commit_costs_nothing() -> None:
    """A stage that was speculated on began at the commit at the earliest."""
    book = ledger()
    book.spend(Stage.TEXT, COMMIT - 200 * MS, COMMIT - 20 * MS, "ok")
    [text] = book.close().stages
    assert (text.started_ms, text.spent_ms) == (0, 0)


def test_an_output_past_its_limit_is_late() -> None:
    """The stage lived on; the ledger says that it was late."""
    book = ledger()
    book.spend(Stage.TEXT, COMMIT, at(421), "ok")
    assert book.close().stages[0].outcome == "late"


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


def test_a_filler_is_audio_and_no_answer() -> None:
    """The two figures are kept apart."""
    book = ledger()
    book.any_audio(at(450))
    book.first_audio(at(900))
    record = book.close()
    assert (record.any_audio_ms, record.first_audio_ms) == (450, 900)


def test_a_rung_stands_once_in_the_line() -> None:
    """In the order in which the rungs were taken."""
    book = ledger()
    for step in (Step.FILLER, Step.NEXT_MODEL, Step.FILLER):
        book.step(step)
    assert book.close().steps == ("text.filler", "text.next_provider")


def test_costs_add_up() -> None:
    """Attempts that came to nothing included."""
    total = Spent(10, 5, 0, 0.1) + Spent(10, 2, 12, 0.05)
    assert (total.tokens_in, total.tokens_out, total.tokens_wasted) == (20, 7, 12)
    assert total.cost_usd == pytest.approx(0.15)


def test_calls_of_providers_stand_where_they_began() -> None:
    """Before the commit, if an answer was begun on a guess."""
    turn = ledger()
    turn.called(Called("a", "failed", 0.3, None, "late", 9), COMMIT + 200 * MS)
    turn.called(Called("b", "done", 0.5, 0.1), COMMIT + 700 * MS)
    assert [call.began_ms for call in turn.close().calls] == [-100.0, 200.0]
