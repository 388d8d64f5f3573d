"""Turns that wait for the end of a reply that speech may not interrupt."""

from __future__ import annotations

from tests.fakes import Call, FakeText
from tests.virtual_time import run_virtual
from voiceserver.config import Config, TurnConfig
from voiceserver.events import (
    Outcome,
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    UserTurn,
)


def conversation(*script: tuple[float, bool], create_reply: bool = True) -> Call:
    config = Config(turn=TurnConfig(interrupt=False, create_reply=create_reply))
    call = Call(config=config, text=FakeText(words=20))  # 4 s of speech
    run_virtual(call.run([(0.2, False), *script]))
    return call


def test_a_reply_that_is_talked_over_is_heard_whole_and_then_answered() -> None:
    """Nothing is cut; what was said meanwhile is committed at once, answered after."""
    call = conversation((1.0, True), (2.0, False), (1.0, True), (9.0, False))
    events = call.dialect.events
    replies = [event for event in events if isinstance(event, ReplyDone)]
    assert [reply.outcome for reply in replies] == [Outcome.COMPLETED] * 2
    assert not [e for e in events if isinstance(e, Playback) and e.state is Played.CUT]
    turns = [n for n, event in enumerate(events) if isinstance(event, UserTurn)]
    ends = [
        n
        for n, event in enumerate(events)
        if isinstance(event, Playback) and event.state is Played.DONE
    ]
    starts = [n for n, event in enumerate(events) if isinstance(event, ReplyStarted)]
    assert turns[1] < ends[0] < starts[1]
    assert call.dialect.records[1].first_audio_ms is not None
    assert call.dialect.records[1].first_audio_ms < 1000


def test_of_several_turns_the_newest_is_answered_with_all_of_them() -> None:
    """Two remarks over one reply are one question."""
    call = conversation(
        (1.0, True), (1.5, False), (0.6, True), (0.8, False), (0.6, True), (9.0, False)
    )
    started = [e for e in call.dialect.events if isinstance(e, ReplyStarted)]
    assert len(started) == 2
    assert isinstance(call.text, FakeText)
    roles = [message.role for message in call.text.requests[-1].messages]
    assert roles[:2] == ["user", "assistant"]
    said = " ".join(m.text for m in call.text.requests[-1].messages if m.role == "user")
    assert said.count("hello there") == 3


def test_without_answers_of_its_own_they_are_only_written_down() -> None:
    """``create_response`` off: the words are told, nothing is said."""
    call = conversation((1.0, True), (3.0, False), create_reply=False)
    assert not [e for e in call.dialect.events if isinstance(e, ReplyStarted)]
