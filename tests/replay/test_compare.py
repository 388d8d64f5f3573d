"""What is otherwise in a call that was played again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from voiceserver.recording.layout import Header, Line, Recording
from voiceserver.replay.compare import Limits, Pair, Turn, difference, matched, turns

TURN = Turn(1000, 500, "silence", "two cakes", "Right.", "stub", 80.0)


def _recording(*lines: Line) -> Recording:
    stamped = [{"t": 0.0, "at": 0.0, **line} for line in lines]
    return Recording(Header("one"), stamped, np.zeros(0, np.float32))


def _event(name: str, **fields: object) -> Line:
    return {"kind": "event", "name": name, "fields": fields}


CALL = (
    _event("UserTurn", utterance=1, at=16_000, decided_at=24_000, reason="silence"),
    _event("Transcript", utterance=1, text="two", final=False),
    _event("Transcript", utterance=1, text="two cakes", final=True),
    _event("ReplyStarted", turn=4),
    _event("ReplyDone", turn=4, text="Right.", outcome="completed"),
    {
        "kind": "turn",
        "fields": {
            "turn": 4,
            "first_audio_ms": 80.0,
            "answered_by": "stub",
            "stages": [{"stage": "text", "spent_ms": 30.04}],
            "spent": {"cost_usd": 0.002},
        },
    },
)


def test_a_turn_is_put_together_from_its_lines() -> None:
    """Its words, its end, its answer, and what that took."""
    [turn] = turns(_recording(*CALL))
    whole = replace(TURN, stages_ms={"text": 30.0}, cost_usd=0.002)
    assert turn == whole


def test_a_turn_that_the_call_ended_in_was_heard_all_the_same() -> None:
    """Its account was never told, but when its reply began to sound was."""
    sounds = {**_event("Playback", turn=4, state="started"), "t": 90.0}
    [turn] = turns(_recording(*CALL[:4], sounds, {**sounds, "t": 900.0}))
    assert turn.first_audio_ms == 90.0
    assert turns(_recording(*CALL[:4], sounds, *CALL[4:]))[0].first_audio_ms == 80.0


def test_audio_from_before_the_recording_is_not_counted() -> None:
    """It began when the caller consented."""
    [turn] = turns(_recording({"kind": "begun", "before": 8000}, *CALL))
    assert (turn.at_ms, turn.endpoint_ms) == (500, 500)


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (TURN, []),
        (replace(TURN, words="two kicks"), ["words"]),
        (replace(TURN, endpoint_ms=590), []),
        (replace(TURN, endpoint_ms=610), ["endpoint"]),
        (replace(TURN, endpoint_ms=390), ["endpoint"]),
        (replace(TURN, answer="No."), ["answer"]),
        (replace(TURN, first_audio_ms=170), []),
        (replace(TURN, first_audio_ms=10), []),
        (replace(TURN, first_audio_ms=190), ["later"]),
        (replace(TURN, first_audio_ms=None), ["later"]),
        (None, ["lost turn"]),
    ],
)
def test_what_counts_is_named(after: Turn | None, found: list[str]) -> None:
    """Sooner is no fault."""
    assert Pair(TURN, after).otherwise(Limits()) == found


def test_other_words_of_an_answer_may_be_fine() -> None:
    """A language model never says the same twice."""
    pair = Pair(TURN, replace(TURN, answer="No."))
    assert pair.otherwise(Limits(answers=False)) == []


def test_turns_are_matched_by_where_they_ended() -> None:
    """New ones and lost ones stand alone, in order."""
    one, two, three = (replace(TURN, at_ms=1000.0 * at) for at in (1, 10, 20))
    moved = replace(two, at_ms=10_900.0)
    assert matched([one, two, three], [moved, replace(TURN, at_ms=15_000.0)]) == [
        Pair(one, None),
        Pair(two, moved),
        Pair(None, replace(TURN, at_ms=15_000.0)),
        Pair(three, None),
    ]
    assert matched([], [one]) == [Pair(None, one)]


def test_partial_words_and_times_do_not_make_another_call() -> None:
    """But what was told does; interruptions count."""
    before = _recording(*CALL)
    fewer = _recording(*(each for each in CALL if each is not CALL[1]))
    assert difference(before, fewer, Limits()).same_events
    more = difference(before, _recording(*CALL, _event("BargeIn")), Limits())
    assert not more.same_events
    assert more.otherwise == ["interruptions"]
    assert more.told()["barge_ins"] == [0, 1]
