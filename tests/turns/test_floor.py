"""Who speaks: tables over the floor, and thousands of random orders of events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import pytest

from tests.turns.hall import SAMPLES, Hall, Stand, heard, turn
from voiceserver.commands import CancelReply, ClearPlayback, CreateReply, Truncate
from voiceserver.config import TurnConfig
from voiceserver.events import (
    AudioDelta,
    BargeIn,
    Event,
    Failed,
    FormFilled,
    IdleElapsed,
    KeyPressed,
    MediaReport,
    Outcome,
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    ToolCalled,
    Transcript,
)
from voiceserver.overload import Load
from voiceserver.tools import ToolCall
from voiceserver.turns.actions import (
    Action,
    AnswerConversation,
    AwaitUser,
    Begin,
    BreakSilence,
    Close,
    Cut,
    EndReply,
    Follow,
    Guess,
    Leave,
    Refuse,
    Say,
    Silence,
    Stop,
    TakeTurn,
    Tell,
    WriteDown,
)
from voiceserver.turns.floor import MOST_WAITING, Floor, Request

SEQUENCES = 3000
POLITE = TurnConfig(interrupt=False)
SILENT = TurnConfig(create_reply=False)


# The life of a reply to what the user said, moment by moment.
LIFE: dict[str, list[Event]] = {
    "recognising": [],
    "thinking": [heard()],
    "begun": [ReplyStarted(1)],
    "speaking": [TextDelta(1, "Hi "), Playback(1, Played.STARTED)],
    "sounding on": [ReplyDone(1, "Hi ", Outcome.COMPLETED)],
    "over": [Playback(1, Played.DONE)],
}
MOMENTS = list(LIFE)


def at(moment: str, config: TurnConfig | None = None) -> tuple[Floor, Stand]:
    """The floor at a moment of the first reply's life."""
    stand = Stand(config or TurnConfig())
    floor = Floor(lambda: stand.turn)
    floor.happened(turn(1), stand)
    for name in MOMENTS[: MOMENTS.index(moment) + 1]:
        for event in LIFE[name]:
            stand.begun |= isinstance(event, ReplyStarted)
            floor.happened(event, stand)
    return floor, stand


def kinds(actions: Sequence[Action]) -> list[type[Action]]:
    return [type(action) for action in actions]


# What is left to do about a reply that was stopped at a moment.
NEWEST = WriteDown(Transcript(1, "hel", final=True))
LEFT: dict[str, list[Action]] = {
    "recognising": [NEWEST, EndReply(Outcome.INTERRUPTED, told=False), Cut(), Close()],
    "thinking": [EndReply(Outcome.INTERRUPTED, told=False), Cut(), Close()],
    "begun": [EndReply(Outcome.INTERRUPTED, told=True), Cut(), Close()],
    "speaking": [EndReply(Outcome.INTERRUPTED, told=True), Cut(), Close()],
    "sounding on": [Cut(), Close()],
}


@pytest.mark.parametrize("moment", LEFT)
def test_a_barge_in_at_any_moment_ends_what_had_begun(moment: str) -> None:
    """Silence first; one end where a beginning was told; the user's words are kept."""
    floor, stand = at(moment)
    event = BargeIn(2, 0, "words")
    assert floor.happened(event, stand) == [Silence(), Tell(event), Stop()]
    assert floor.stopped(stand) == LEFT[moment]
    assert (floor.busy, floor.active) == (False, 0)


@pytest.mark.parametrize("moment", LEFT)
def test_who_goes_on_speaking_stops_the_answer(moment: str) -> None:
    """It is stale; but not where speech may not interrupt."""
    floor, stand = at(moment)
    event = SpeechStarted(2, 0)
    assert floor.happened(event, stand) == [AwaitUser(0), Tell(event), Stop()]
    assert floor.stopped(stand) == LEFT[moment]
    floor, stand = at(moment, POLITE)
    assert floor.happened(event, stand) == [AwaitUser(0), Tell(event)]
    assert floor.busy


@pytest.mark.parametrize("moment", LEFT)
def test_a_turn_that_may_not_wait_comes_after_the_end_of_the_reply(moment: str) -> None:
    """Told only then, and taken at once."""
    floor, stand = at(moment)
    assert floor.happened(turn(2), stand) == [Stop()]
    assert floor.stopped(stand) == [
        *LEFT[moment],
        Tell(turn(2)),
        TakeTurn(2, turn(2), answer=True),
    ]


@pytest.mark.parametrize("moment", LEFT)
def test_a_turn_that_may_not_interrupt_waits_for_the_end(moment: str) -> None:
    """Told at once, taken when nobody speaks, dated anew."""
    floor, stand = at(moment, POLITE)
    assert floor.happened(turn(2), stand) == [Tell(turn(2))]
    assert floor.free(7) == []
    floor.asked(CancelReply(), stand)
    floor.stopped(stand)
    dated = replace(turn(2), decided_ns=7)
    assert floor.free(7) == [TakeTurn(2, dated, answer=True)]
    assert floor.free(8) == []


def test_what_was_said_before_the_stop_is_told_before_the_end() -> None:
    """But no audio of it; and if it came to its end by itself, that is its end."""
    floor, stand = at("begun")
    floor.happened(BargeIn(2, 0, "words"), stand)
    delta = TextDelta(1, "Hi ")
    assert floor.happened(delta, stand) == [Follow(delta)]
    assert floor.happened(AudioDelta(1, SAMPLES), stand) == []
    done = ReplyDone(1, "Hi ", Outcome.COMPLETED)
    assert floor.happened(done, stand) == [Follow(done)]
    assert floor.stopped(stand) == [Cut(), Close()]


def test_a_reply_that_ended_unheard_while_it_was_stopped_is_over() -> None:
    """Nothing is left to cut; the turn that stopped it is taken."""
    floor, stand = at("begun")
    floor.happened(turn(2), stand)
    stand.spoke = False
    done = ReplyDone(1, "", Outcome.COMPLETED)
    assert floor.happened(done, stand) == [Follow(done), Close()]
    assert kinds(floor.stopped(stand)) == [Tell, TakeTurn]


def test_nothing_begins_while_a_reply_is_stopped() -> None:
    """Also if what was heard had no words and a question is open: a turn follows."""
    floor, stand = at("recognising")
    stand.awaits_answer = True
    floor.happened(turn(2), stand)
    stand.answers = False
    assert kinds(floor.happened(heard(1, ""), stand)) == [WriteDown, Close]
    assert kinds(floor.stopped(stand)) == [Tell, TakeTurn]


@pytest.mark.parametrize(
    ("moment", "number"),
    [("speaking", 2), ("sounding on", 1), ("sounding on", 2), ("over", 1), ("over", 2)],
)
def test_what_a_reply_says_after_its_end_is_nobodys(moment: str, number: int) -> None:
    """Nor what one says that never had the floor; there is one end."""
    floor, stand = at(moment)
    for late in (
        ReplyStarted(number),
        TextDelta(number, "late"),
        AudioDelta(number, SAMPLES),
        ToolCalled(number, ToolCall("c", "look", "{}")),
        ReplyDone(number, "late", Outcome.FAILED),
    ):
        assert floor.happened(late, stand) == []
    assert floor.active == (moment == "speaking")


@pytest.mark.parametrize(
    ("moment", "active"),
    [
        ("recognising", 0),
        ("thinking", 0),
        ("begun", 1),
        ("speaking", 1),
        ("sounding on", 0),
        ("over", 0),
    ],
)
def test_a_reply_is_active_between_its_told_beginning_and_end(
    moment: str, active: int
) -> None:
    """It may sound on without being active."""
    floor, _ = at(moment)
    assert floor.active == active
    assert floor.busy is (moment != "over")


@pytest.mark.parametrize(
    ("moment", "config", "actions"),
    [
        ("recognising", TurnConfig(), []),
        ("thinking", TurnConfig(), []),
        ("begun", TurnConfig(), [Stop]),
        ("speaking", TurnConfig(), [Stop]),
        ("sounding on", TurnConfig(), [Stop]),
        ("over", TurnConfig(), [AwaitUser, AnswerConversation]),
        ("recognising", SILENT, []),
    ],
)
def test_a_reply_that_is_asked_for(
    moment: str, config: TurnConfig, actions: list[type[Action]]
) -> None:
    """Kept until it is known whether the user is answered by itself."""
    floor, stand = at(moment, config)
    asked = CreateReply()
    assert kinds(floor.asked(asked, stand)) == actions
    if Stop in actions:
        assert floor.stopped(stand)[-1] == AnswerConversation(2, asked)
    if not actions:
        assert floor.asked(CreateReply(), stand) == [Refuse(CreateReply())]
        stand.answers = False
        assert kinds(floor.happened(heard(), stand)) == [WriteDown, Close]
        assert floor.free(0)[-1] == AnswerConversation(2, asked)


@pytest.mark.parametrize("moment", ["recognising", "thinking"])
def test_what_is_asked_for_is_refused_once_the_user_is_answered(moment: str) -> None:
    """Not before: until then nobody knows."""
    floor, stand = at(moment)
    asked, started = CreateReply(), ReplyStarted(1)
    floor.asked(asked, stand)
    assert floor.happened(started, stand) == [Follow(started), Refuse(asked)]


@pytest.mark.parametrize(
    ("waited", "taken", "answered_by_itself"),
    [
        (POLITE, POLITE, True),
        (POLITE, replace(POLITE, create_reply=False), False),
        (replace(POLITE, create_reply=False), POLITE, True),
        (replace(POLITE, create_reply=False), replace(POLITE, policy="manual"), True),
    ],
)
def test_settings_of_now_say_whether_a_turn_is_answered(
    waited: TurnConfig, taken: TurnConfig, answered_by_itself: bool
) -> None:
    """Not those of when it had to wait; what was asked for is answered or refused."""
    floor, stand = at("sounding on", waited)
    floor.happened(turn(2), stand)
    stand.turn = taken
    asked = CreateReply()
    assert floor.asked(asked, stand) == []
    floor.happened(Playback(1, Played.DONE), stand)
    assert floor.free(5) == [
        TakeTurn(2, replace(turn(2), decided_ns=5), answered_by_itself)
    ]
    stand.begun, stand.answers = False, answered_by_itself
    floor.happened(heard(2), stand)
    if answered_by_itself:
        assert Refuse(asked) in floor.happened(ReplyStarted(2), stand)
    else:
        assert floor.free(6)[-1] == AnswerConversation(3, asked)


def test_of_two_asked_for_in_one_go_the_second_is_refused() -> None:
    """The first goes on, begun or not."""
    floor, stand = at("over")
    first, second = CreateReply(say="one"), CreateReply(say="two")
    floor.asked(first, stand)
    assert floor.asked(second, stand) == [Refuse(second)]
    stand.begun = True
    assert floor.asked(second, stand) == [Refuse(second)]


def test_a_cancel_behind_a_create_stops_it() -> None:
    """Before it began: whoever asked is told a beginning and an end."""
    floor, stand = at("over")
    asked = CreateReply()
    floor.asked(asked, stand)
    assert floor.asked(CancelReply(), stand) == [Stop()]
    assert list(floor.stopped(stand)) == [
        Follow(ReplyStarted(2, asked)),
        EndReply(Outcome.CANCELLED, told=True),
        Cut(),
        Close(),
    ]


def test_a_cancel_behind_a_create_that_waits_for_the_words_stops_it() -> None:
    """The words are written down all the same."""
    floor, stand = at("recognising", SILENT)
    asked = CreateReply()
    floor.asked(asked, stand)
    assert list(floor.asked(CancelReply(whatever=False), stand)) == [
        Tell(ReplyStarted(2, asked)),
        Tell(ReplyDone(2, "", Outcome.CANCELLED)),
    ]
    stand.answers = False
    assert kinds(floor.happened(heard(), stand)) == [WriteDown, Close]
    assert floor.free(0) == []


@pytest.mark.parametrize("moment", ["recognising", "thinking", "sounding on", "over"])
def test_a_cancel_of_nothing_is_refused_in_its_turn(moment: str) -> None:
    """What the user is about to be given was not asked for."""
    floor, stand = at(moment)
    cancel = CancelReply(whatever=False)
    assert floor.asked(cancel, stand) == [Refuse(cancel)]


@pytest.mark.parametrize("event", [turn(2), BargeIn(2, 0, "words")])
def test_what_was_asked_for_and_is_interrupted_begins_and_ends(event: Event) -> None:
    """No command is dropped without a word."""
    floor, stand = at("over")
    asked = CreateReply()
    floor.asked(asked, stand)
    assert floor.happened(event, stand)[-1] == Stop()
    assert list(floor.stopped(stand))[:2] == [
        Follow(ReplyStarted(2, asked)),
        EndReply(Outcome.INTERRUPTED, told=True),
    ]


@pytest.mark.parametrize("moment", ["recognising", "thinking", "begun", "speaking"])
def test_a_timer_that_is_due_while_somebody_is_answered_waits(moment: str) -> None:
    """Neither refused nor a reason to stop: several have their turns in order."""
    floor, stand = at(moment)
    timers = [CreateReply(say=say, patient=True) for say in ("tea", "eggs")]
    for timer in timers:
        assert floor.asked(timer, stand) == []
    asked = CreateReply()
    for event in (heard(), ReplyStarted(1), ReplyDone(1, "", Outcome.COMPLETED)):
        floor.happened(event, stand)
    floor.happened(Playback(1, Played.DONE), stand)
    assert floor.free(0)[-1] == AnswerConversation(2, timers[0])
    assert floor.asked(asked, stand) == [Refuse(asked)]
    floor.happened(ReplyDone(2, "", Outcome.COMPLETED), stand)
    floor.happened(Playback(2, Played.DONE), stand)
    assert floor.free(0)[-1] == AnswerConversation(3, timers[1])


def test_a_reply_whose_beginning_was_not_read_yet_is_replaced() -> None:
    """It has begun, so the user is not about to be answered any more."""
    floor, stand = at("thinking")
    stand.begun = True
    assert floor.asked(CreateReply(), stand) == [Stop()]
    started = ReplyStarted(1)
    assert floor.happened(started, stand) == [Follow(started)]
    assert floor.stopped(stand)[0] == EndReply(Outcome.CANCELLED, told=True)


@pytest.mark.parametrize("command", [CancelReply(1), ClearPlayback(), Truncate(1, 90)])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_command_stops_what_there_is_to_stop(command: Request, moment: str) -> None:
    """As cancelled; silence cannot be stopped."""
    floor, stand = at(moment)
    stops = floor.asked(command, stand)
    assert stops == ([] if moment == "over" else [Stop()])
    if stops:
        ends = [a.outcome for a in floor.stopped(stand) if isinstance(a, EndReply)]
        assert ends == [Outcome.CANCELLED] * (moment != "sounding on")


def test_a_reply_that_is_over_is_truncated_without_a_stop() -> None:
    """Another one may have the floor."""
    floor, stand = at("speaking")
    assert floor.asked(Truncate(7, 90), stand) == []


@pytest.mark.parametrize(
    ("config", "moment", "waits"),
    [
        (POLITE, "speaking", True),
        (POLITE, "over", False),
        (TurnConfig(), "speaking", False),
        (TurnConfig(interrupt=False, policy="manual"), "speaking", False),
    ],
)
def test_only_what_may_not_interrupt_waits(
    config: TurnConfig, moment: str, waits: bool
) -> None:
    """And only while there is a reply; a client's own commit never does."""
    floor, stand = at(moment, config)
    assert (floor.happened(turn(2), stand) == [Tell(turn(2))]) is waits


def test_of_several_that_wait_the_newest_is_answered() -> None:
    """The others are written down, in their order."""
    floor, stand = at("speaking", POLITE)
    for number in (2, 3, 4):
        floor.happened(turn(number), stand)
    floor.asked(CancelReply(), stand)
    floor.stopped(stand)
    taken = []
    for number in (2, 3, 4):
        [take] = floor.free(0)
        assert isinstance(take, TakeTurn)
        taken.append((take.user.utterance, take.answer))
        stand.answers = take.answer
        floor.happened(heard(number), stand)
    assert taken == [(2, False), (3, False), (4, True)]


def test_too_many_do_not_wait() -> None:
    """The one too many stops the reply instead."""
    floor, stand = at("speaking", POLITE)
    for number in range(2, MOST_WAITING + 2):
        assert floor.happened(turn(number), stand) == [Tell(turn(number))]
    assert floor.happened(turn(99), stand) == [Stop()]


@pytest.mark.parametrize(
    ("unheard", "open_question", "config", "begins"),
    [
        ("w3 w4", True, TurnConfig(), Say(3, "w3 w4")),
        ("", True, TurnConfig(), AnswerConversation(3)),
        (None, True, TurnConfig(), AnswerConversation(3)),
        (None, False, TurnConfig(), None),
        ("w3 w4", True, SILENT, None),
    ],
)
def test_what_interrupted_without_words_ends_nothing(
    unheard: str | None, open_question: bool, config: TurnConfig, begins: Begin | None
) -> None:
    """The reply is taken up where it was cut, or the open question is answered."""
    floor, stand = at("speaking")
    stand.turn = config
    stand.unheard, stand.awaits_answer = unheard, open_question
    floor.happened(BargeIn(2, 0, "duration"), stand)
    floor.stopped(stand)
    floor.happened(turn(2), stand)
    stand.answers = False
    actions = floor.happened(heard(2, ""), stand)
    assert kinds(actions[:2]) == [WriteDown, Close]
    assert list(actions[2:]) == ([AwaitUser(0), begins] if begins else [])


def test_what_a_client_stopped_is_not_taken_up() -> None:
    """Only what speech cut off is."""
    floor, stand = at("speaking")
    stand.unheard = "w3 w4"
    floor.asked(CancelReply(), stand)
    floor.stopped(stand)
    floor.happened(turn(2), stand)
    stand.answers = False
    assert kinds(floor.happened(heard(2, ""), stand)) == [WriteDown, Close]


def test_what_was_cut_is_forgotten_once_a_turn_has_taken_its_place() -> None:
    """A later cough does not bring it back."""
    floor, stand = at("speaking")
    stand.unheard = "w3 w4"
    floor.happened(turn(2), stand)
    floor.stopped(stand)
    floor.happened(heard(2, "and then"), stand)
    stand.unheard = None
    floor.happened(turn(3), stand)
    floor.stopped(stand)
    stand.answers = False
    assert kinds(floor.happened(heard(3, ""), stand)) == [WriteDown, Close]


@pytest.mark.parametrize(
    ("moment", "config", "actions"),
    [
        ("over", TurnConfig(idle_ms=5000), [Tell, AwaitUser, BreakSilence]),
        ("over", replace(SILENT, idle_ms=5000), [Tell]),
        ("over", TurnConfig(), []),
        ("speaking", TurnConfig(idle_ms=5000), []),
    ],
)
def test_a_long_silence(
    moment: str, config: TurnConfig, actions: list[type[Action]]
) -> None:
    """Counts from the end of a reply that was heard, and is broken once."""
    floor, stand = at(moment)
    stand.turn = config
    assert kinds(floor.happened(IdleElapsed(0, 9), stand)) == actions


def test_who_begins_just_as_the_patience_ends_is_not_talked_over() -> None:
    """Both wait to be handled, the speech first; after a reply it counts anew."""
    floor, stand = at("sounding on", TurnConfig(idle_ms=5000))
    floor.happened(Playback(1, Played.DONE), stand)
    floor.happened(SpeechStarted(2, 50), stand)
    assert floor.happened(IdleElapsed(0, 9), stand) == []
    floor.happened(Playback(1, Played.DONE), stand)
    assert BreakSilence in kinds(floor.happened(IdleElapsed(0, 9), stand))


def test_a_silent_user_is_asked_so_often_and_then_left() -> None:
    """With the line that is to be said; whoever speaks, or presses a key, is there."""
    config = TurnConfig(
        idle_ms=5000, idle_line="Hello?", idle_asks=2, idle_goodbye="Bye."
    )
    for sign in (SpeechStarted(2, 0), KeyPressed("1", 0)):
        floor, stand = at("over", config)
        for number in (2, 3):
            asked = floor.happened(IdleElapsed(0, 9), stand)
            assert asked[-1] == Say(number, "Hello?")
            floor.happened(ReplyDone(number, "Hello?", Outcome.COMPLETED), stand)
            floor.happened(Playback(number, Played.DONE), stand)
        left = floor.happened(IdleElapsed(0, 9), stand)
        assert isinstance(left[-1], Leave)
        assert left[-1].farewell == "Bye."
        floor.happened(sign, stand)
        floor.happened(Playback(3, Played.DONE), stand)
        assert floor.happened(IdleElapsed(0, 9), stand)[-1] == Say(4, "Hello?")


def test_a_noise_does_not_end_the_patience() -> None:
    """What had no words was nobody: the silence goes on."""
    floor, stand = at("over", TurnConfig(idle_ms=5000))
    floor.happened(SpeechStarted(2, 0), stand)
    floor.happened(turn(2), stand)
    stand.answers = stand.awaits_answer = False
    assert floor.happened(heard(2, ""), stand)[-1] == AwaitUser(5000)
    assert kinds(floor.happened(IdleElapsed(0, 9), stand))[-1] is BreakSilence


@pytest.mark.parametrize(("moment", "stops"), [("speaking", True), ("over", False)])
def test_a_key_interrupts(moment: str, stops: bool) -> None:
    """At once; what it cut off is not taken up again."""
    floor, stand = at(moment)
    actions = kinds(floor.happened(KeyPressed("1", 0), stand))
    assert (
        actions
        == [Silence, AwaitUser, Tell, Stop][0 if stops else 1 :][: 4 if stops else 2]
    )


def test_silence_counts_from_the_end_of_the_playing() -> None:
    """Not from the end of the generation."""
    floor, stand = at("sounding on", TurnConfig(idle_ms=5000))
    done = Playback(1, Played.DONE)
    assert floor.happened(done, stand) == [Follow(done), Close(), AwaitUser(5000)]


def test_the_end_of_an_older_playing_ends_nothing() -> None:
    """The reply that has the floor goes on; once nobody speaks the silence counts."""
    floor, stand = at("speaking", TurnConfig(idle_ms=5000))
    late = Playback(7, Played.DONE)
    assert floor.happened(late, stand) == []
    floor.asked(CancelReply(), stand)
    floor.stopped(stand)
    assert floor.happened(late, stand) == [AwaitUser(5000)]


@pytest.mark.parametrize(
    ("moment", "config", "load", "guesses"),
    [
        ("over", TurnConfig(), Load.NORMAL, True),
        ("over", TurnConfig(), Load.LEAN, False),
        ("over", SILENT, Load.NORMAL, False),
        ("sounding on", TurnConfig(), Load.NORMAL, False),
    ],
)
def test_a_reply_is_begun_on_a_guess_only_where_it_may_follow(
    moment: str, config: TurnConfig, load: Load, guesses: bool
) -> None:
    """Nobody speaks, it would be said, and the server keeps up."""
    floor, stand = at(moment)
    stand.turn = config
    expected = [Guess(2, "hello")] if guesses else []
    assert floor.foreseen(2, "hello", load) == expected


EVENTS: dict[type[Event], Event] = {
    type(event): event
    for event in (
        SpeechStarted(9, 0),
        SpeechStopped(9, 0),
        BargeIn(9, 0, "words"),
        Transcript(9, "so far", final=False),
        turn(9),
        IdleElapsed(0, 9),
        KeyPressed("5", 0),
        ReplyStarted(9),
        TextDelta(9, "x"),
        AudioDelta(9, SAMPLES),
        ToolCalled(9, ToolCall("c", "look", "{}")),
        FormFilled(9, "bar", "order", {}, "filling"),
        ReplyDone(9, "x", Outcome.COMPLETED),
        Playback(9, Played.STARTED),
        MediaReport(),
        Failed("recogniser", "it broke"),
    )
}


@pytest.mark.parametrize("kind", get_args(Event))
def test_every_event_is_decided_about(kind: type[Event]) -> None:
    """What is of a reply that has not the floor is nobody's; all else is told."""
    event = EVENTS[kind]
    stand = Stand(TurnConfig(idle_ms=5000))
    actions = Floor(lambda: stand.turn).happened(event, stand)
    of_a_reply = isinstance(event, Playback) or kind in get_args(
        ReplyStarted | TextDelta | AudioDelta | ToolCalled | FormFilled | ReplyDone
    )
    assert (Tell(event) in actions) is not of_a_reply
    assert actions or of_a_reply


@pytest.mark.parametrize("part", range(3))
def test_no_order_of_events_breaks_the_floor(part: int) -> None:
    """One reply at a time, one end for each; no turn, no word and no request lost."""
    for seed in range(part, SEQUENCES, 3):
        hall = Hall(seed)
        hall.run()
        assert not hall.alive, f"seed {seed}: a reply never ended"
        for number in hall.turns:
            assert hall.told[f"taken {number}"] == 1, f"seed {seed}: a turn was lost"
            assert hall.told[f"written {number}"] == 1, f"seed {seed}: words were lost"
        for asked in hall.asked:
            assert hall.told[f"settled {asked.say}"] == 1, f"seed {seed}"
