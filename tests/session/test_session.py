"""A conversation in virtual time: turns, barge-in, history, failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tests.fakes import Call, FakeRecogniser, FakeSpeech, FakeText, RecordingDialect
from tests.virtual_time import run_virtual
from voiceserver.commands import (
    AddMessage,
    CallSettings,
    CancelReply,
    Command,
    Configure,
    CreateReply,
    DeleteMessage,
    HangUp,
    Hear,
    utterance_key,
)
from voiceserver.config import BudgetConfig, Config, TurnConfig
from voiceserver.engines.base import Reminder, TextItem, TextRequest
from voiceserver.errors import EngineFailed
from voiceserver.events import (
    Event,
    Outcome,
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    TextDelta,
    Transcript,
    UserTurn,
)

QUIET = (0.2, False)
TURN = [QUIET, (1.0, True), (3.5, False)]

STARTING = CallSettings.starting(Config())


def story(call: Call) -> list[str]:
    """Names of the events, runs of one kind told once."""
    names: list[str] = []
    for event in call.dialect.events:
        name = type(event).__name__
        if isinstance(event, Playback):
            name += event.state.value.capitalize()
        if isinstance(event, Transcript):
            name += "Final" if event.final else ""
        if not names or names[-1] != name:
            names.append(name)
    return names


def done(call: Call) -> list[ReplyDone]:
    return [event for event in call.dialect.events if isinstance(event, ReplyDone)]


def playbacks(call: Call, state: Played) -> list[Playback]:
    return [
        event
        for event in call.dialect.events
        if isinstance(event, Playback) and event.state is state
    ]


def messages(call: Call) -> list[tuple[str, str]]:
    """The conversation that the text model was last asked about."""
    assert isinstance(call.text, FakeText)
    return [(m.role, m.text) for m in call.text.requests[-1].messages]


def test_a_turn_is_heard_answered_and_accounted() -> None:
    """Speech in, an answer out, in the order every dialect relies on."""
    call = Call(text=FakeText(words=5))
    run_virtual(call.run(TURN))
    assert story(call) == [
        "SpeechStarted",
        "Transcript",
        "SpeechStopped",
        "UserTurn",
        "TranscriptFinal",
        "ReplyStarted",
        "TextDelta",
        "PlaybackStarted",
        "ReplyDone",
        "PlaybackDone",
    ]
    [record] = call.dialect.records
    assert [spend.stage.value for spend in record.stages] == [
        "recognition",
        "text",
        "speech",
        "egress",
    ]
    assert record.endpoint_ms == pytest.approx(500, abs=20)
    assert record.answered_by == "fake"
    assert call.dialect.greeted == 1
    assert call.dialect.closed_reasons == ["cancelled"]


def test_the_answer_is_heard_whole() -> None:
    """Five words of 200 ms each: 50 frames, no gap."""
    call = Call(text=FakeText(words=5))
    run_virtual(call.run(TURN))
    times = [at_s for at_s, _ in call.heard]
    assert len(times) == 50
    assert max(b - a for a, b in pairwise(times)) < 0.021
    assert playbacks(call, Played.DONE)[0].heard == "w0 w1 w2 w3 w4."


def test_an_interruption_cuts_history_to_what_was_heard() -> None:
    """Words that were generated and not played are not known to the model."""
    call = Call()
    run_virtual(call.run([*TURN[:2], (2.0, False), (1.0, True), (2.0, False)]))
    [cut] = playbacks(call, Played.CUT)
    assert messages(call) == [
        ("user", "hello there"),
        ("assistant", cut.heard),
        ("user", "hello there"),
    ]
    assert 0 < len(cut.heard) < len(done(call)[0].text)
    assert cut.exact
    # 80 ms are on their way to the caller's ear.
    played_ms = sum(20 for _, frame in call.heard if frame.turn == 1)
    assert cut.heard_ms == played_ms - 80


def test_who_goes_on_before_the_answer_has_said_one_thing() -> None:
    """The answer to the first half is dropped unheard; both halves are asked."""
    recogniser = FakeRecogniser(["what is twelve", "plus seven"])
    call = Call(recogniser=recogniser, text=FakeText(first_s=0.55))
    script = [QUIET, (0.8, True), (0.6, False), (0.8, True), (2.5, False)]
    run_virtual(call.run(script))
    assert done(call)[0].outcome is Outcome.INTERRUPTED
    assert messages(call) == [("user", "what is twelve plus seven")]


def test_a_backchannel_only_lowers_the_reply() -> None:
    """ "yeah" over the reply: quieter for a moment, nothing else."""
    call = Call(recogniser=FakeRecogniser(["tell me", "yeah"]))
    run_virtual(call.run([*TURN[:2], (2.0, False), (0.3, True), (2.0, False)]))
    assert "BargeIn" not in story(call)
    levels = [float(frame.samples.max()) for _, frame in call.heard]
    assert min(levels) < 0.1  # 12 dB below 0.3
    assert levels[-1] == pytest.approx(0.3)


def test_a_cough_that_interrupts_does_not_leave_silence() -> None:
    """What interrupted had no words: the reply is taken up where it was cut."""
    recogniser = FakeRecogniser(["tell me", ""])
    call = Call(recogniser=recogniser, text=FakeText(words=15))
    run_virtual(call.run([*TURN[:2], (2.0, False), (0.7, True), (4.5, False)]))
    [cut] = playbacks(call, Played.CUT)
    first, second = done(call)
    assert second.answered_by == "script"
    assert second.text == first.text[len(cut.heard) :].strip()
    assert second.text.endswith("w14.")


def test_a_cough_before_the_answer_does_not_lose_it() -> None:
    """The question is answered after all."""
    call = Call(
        recogniser=FakeRecogniser(["tell me", ""]), text=FakeText(words=5, first_s=0.8)
    )
    run_virtual(call.run([*TURN[:2], (0.8, False), (0.2, True), (4.0, False)]))
    assert done(call)[-1].outcome is Outcome.COMPLETED
    assert messages(call) == [("user", "tell me")]


def test_a_text_model_that_hangs_yields_the_canned_line() -> None:
    """At its limit, and the ledger says that it was late."""
    budget = BudgetConfig(
        text_first_ms=500,
        text_first_complex_ms=500,
        text_words_ms=600,
        turn_ms=400,
        speculations=0,
        fillers=(),
        sorry="I am sorry.",
    )
    call = Call(Config(budget=budget), text=FakeText(first_s=60))
    run_virtual(call.run(TURN))
    [ended] = done(call)
    assert (ended.answered_by, ended.outcome) == ("canned", Outcome.COMPLETED)
    assert ended.text == "I am sorry."
    [record] = call.dialect.records
    assert ("text", "late") in [(s.stage.value, s.outcome) for s in record.stages]
    assert record.blame == "text"
    assert call.text.open_streams == 0  # type: ignore[attr-defined]


class FailingText(FakeText):
    """Fails after some words."""

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        async for piece in super().reply(request):
            yield piece
        raise EngineFailed("text", "the line broke")


def test_a_text_model_that_breaks_off_is_not_spliced() -> None:
    """What was said stays said; no other answer follows it."""
    call = Call(text=FailingText(words=20))
    run_virtual(call.run([*TURN, (5.0, False)]))
    [ended] = done(call)
    assert ended.outcome is Outcome.FAILED
    assert ended.text.endswith("w19.  Sorry, I lost the rest of that.")
    assert ended.answered_by == "fake"
    assert ended.error == "text: the line broke"


class MuteSpeech(FakeSpeech):
    """Cannot speak."""

    async def speak(self, request: object) -> AsyncGenerator[object, None]:  # type: ignore[override]
        async for _chunk in super().speak(request):  # type: ignore[arg-type]
            raise EngineFailed("speech", "no voice")
        yield None


def test_a_voice_that_fails_ends_the_reply_with_a_reason() -> None:
    """The client is told; the call goes on."""
    call = Call(speech=MuteSpeech())
    run_virtual(call.run([*TURN, (1.0, True), (2.0, False)]))
    assert [ended.outcome for ended in done(call)] == [Outcome.FAILED] * 2
    assert "no voice" in done(call)[0].error
    assert call.dialect.closed_reasons == ["cancelled"]


def test_a_recogniser_that_fails_is_answered_too() -> None:
    """Silence would be worse than the canned line."""
    recogniser = FakeRecogniser([""])
    recogniser.error = EngineFailed("recogniser", "crashed")
    call = Call(recogniser=recogniser)
    run_virtual(call.run(TURN))
    finals = [e for e in call.dialect.events if isinstance(e, Transcript) and e.final]
    assert "crashed" in finals[0].error
    assert done(call)[0].answered_by == "canned"


def test_a_recogniser_that_is_late_gives_its_newest_words() -> None:
    """Past the hard limit nobody waits for it."""
    recogniser = FakeRecogniser(["hello there friend"])
    recogniser.final_s = 60
    call = Call(recogniser=recogniser, text=FakeText(words=5))
    run_virtual(call.run(TURN))
    [record] = call.dialect.records
    assert record.stages[0].outcome == "late"
    assert messages(call) == [("user", "hello there friend")]


def test_a_recogniser_that_has_no_words_yet_is_waited_for() -> None:
    """On a machine that cannot keep up; longer than usual, and not for ever."""
    recogniser = FakeRecogniser(["hello"])
    recogniser.final_s = 1.0
    recogniser.words_per_s = 0
    call = Call(recogniser=recogniser, text=FakeText(words=5))
    run_virtual(call.run(TURN))
    assert messages(call) == [("user", "hello")]
    assert call.dialect.records[0].stages[0].outcome == "late"


def commanded(*steps: tuple[float, Command], text: FakeText | None = None) -> Call:
    """Run a silent call in which the client gives ``(after s, command)``."""
    call = Call(text=text or FakeText(words=5))

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(
                call.run([(sum(after_s for after_s, _ in steps) + 4, False)])
            )
            for after_s, command in steps:
                await asyncio.sleep(after_s)
                call.session.command(command)

    run_virtual(scenario())
    return call


def test_a_client_can_type_and_ask() -> None:
    """A message, then a reply; its beginning names the command."""
    asked = CreateReply()
    call = commanded((0.1, AddMessage("user", "hi")), (0.1, asked))
    assert messages(call) == [("user", "hi")]
    [started] = [e for e in call.dialect.events if isinstance(e, ReplyStarted)]
    assert started.asked is asked
    assert done(call)[0].outcome is Outcome.COMPLETED
    assert call.dialect.records[0].endpoint_reason == ""


def test_a_client_can_cancel() -> None:
    """The reply ends at once, as cancelled, and falls silent."""
    text = FakeText(words=60)
    call = commanded((0.1, CreateReply()), (1.0, CancelReply()), text=text)
    assert done(call)[0].outcome is Outcome.CANCELLED
    assert max(at_s for at_s, _ in call.heard) <= 1.12
    assert playbacks(call, Played.CUT)


def test_commands_without_a_reply_do_nothing() -> None:
    """Cancelling silence is no error."""
    call = commanded((0.1, CancelReply()), (0.1, CancelReply()))
    assert call.dialect.events == []


def test_settings_hold_from_the_next_reply_on() -> None:
    """A reply uses one snapshot."""
    text = FakeText(words=5)
    brief = replace(STARTING, instructions="Be brief.", max_output_tokens=7)
    commanded(
        (0.1, CreateReply()),
        (0.1, Configure(brief)),
        (3.0, CreateReply()),
        text=text,
    )
    assert text.requests[0].instructions == Config().text.instructions
    assert text.requests[1].instructions == "Be brief."
    assert text.requests[1].max_output_tokens == 7


def test_a_new_turn_policy_holds_at_once() -> None:
    """A client may change its patience within a call."""
    call = Call(text=FakeText(words=5))
    turn = TurnConfig(policy="fixed", silence_ms=200)
    call.session.command(Configure(replace(STARTING, turn=turn)))
    run_virtual(call.run(TURN))
    assert call.dialect.records[0].endpoint_reason == "silence"
    assert call.dialect.records[0].endpoint_ms == pytest.approx(200, abs=20)


def test_a_timer_speaks_when_it_is_due() -> None:
    """Asked for by the text model, said later without being asked."""

    class Timer(FakeText):
        async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
            yield Reminder(2.0, "Time is up.")
            yield "Timer set."

    call = commanded((0.1, CreateReply()), (3.0, Configure(STARTING)), text=Timer())
    assert [ended.text for ended in done(call)] == ["Timer set.", "Time is up."]


def test_a_client_can_hang_up() -> None:
    """The reason is told to the client and returned to the carrier."""
    call = commanded((0.1, CreateReply()), (0.3, HangUp("bye")))
    assert call.reason == "bye"
    assert call.dialect.closed_reasons == ["bye"]
    assert call.dialect.end_codes == ["ended"]


def test_a_client_that_floods_is_hung_up() -> None:
    """More unread messages than the inbox holds."""
    call = Call()

    async def scenario() -> None:
        for _ in range(300):
            call.session.receive("x")
        assert "commands" in await call.session.run()

    run_virtual(scenario())


def test_a_bug_in_a_dialect_ends_this_call_with_a_reason() -> None:
    """It is counted, and its text stays inside."""

    class Broken(RecordingDialect):
        def notify(self, event: object) -> None:
            raise ZeroDivisionError("secret detail")

    call = Call()
    call.session._dialect = call.dialect = Broken()  # before anything ran
    run_virtual(call.run(TURN))
    assert call.reason == "internal error"
    counted = call.metrics.faults.labels("session", "ZeroDivisionError")
    assert counted._value.get() == 1


def test_deltas_of_an_old_turn_are_not_told() -> None:
    """After the end of a reply nothing of it follows."""
    call = Call()
    run_virtual(call.run([*TURN[:2], (2.0, False), (1.0, True), (2.0, False)]))
    ended: set[int] = set()
    told: list[int] = []
    for event in call.dialect.events:
        if isinstance(event, ReplyDone):
            ended.add(event.turn)
        if isinstance(event, TextDelta):
            assert event.turn not in ended
            told.append(event.turn)
    assert (ended, set(told)) == ({1}, {1, 2})


@pytest.mark.parametrize(
    ("words", "answer"),
    [("tell me more", "w0 w1 w2 w3 w4. "), ("", "Sorry, I did not catch that.")],
)
def test_a_recogniser_without_words_is_waited_for_aloud(
    words: str, answer: str
) -> None:
    """A filler at the deadline; then the answer, or that nothing was understood."""
    recogniser = FakeRecogniser([words])
    recogniser.words_per_s, recogniser.final_s = 0, 2.0
    call = Call(recogniser=recogniser, text=FakeText(words=5))
    run_virtual(call.run([*TURN, (3.0, False)]))
    [ended], [record] = done(call), call.dialect.records
    assert ended.text == f"Hmm\u2026 {answer}"
    assert record.steps[0] == "text.filler"
    assert record.any_audio_ms is not None and record.any_audio_ms <= 700
    assert record.first_audio_ms is not None and record.first_audio_ms > 2000
    said = [m.text for m in call.session._history.messages() if m.role == "assistant"]
    assert said == [answer]
    finals = [e for e in call.dialect.events if isinstance(e, Transcript) and e.final]
    assert len(finals) == 1


def test_a_reply_cut_within_its_filler_was_not_heard() -> None:
    """Nothing of it is remembered, and what was not heard is the answer alone."""
    text = FakeText(words=5, first_s=3.0)
    config = Config(
        budget=BudgetConfig(
            speculations=0,
            text_words_ms=4000,
            text_total_ms=8000,
        )
    )
    call = Call(config, FakeRecogniser(["tell me more", ""]), text)
    # A cough cuts the filler; then the answer is taken up.
    run_virtual(
        call.run([QUIET, (1.0, True), (1.04, False), (0.6, True), (9.0, False)])
    )
    said = [m.text for m in call.session._history.messages() if m.role == "assistant"]
    assert said and all("Hmm" not in text and "Well" not in text for text in said)


@pytest.mark.parametrize("depth", ["alone", "group", "nested"])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (EngineFailed("speech", "is away"), "speech: is away"),
        (ZeroDivisionError("secret detail"), "internal error"),
    ],
)
def test_of_a_fault_only_our_own_words_are_told(
    error: Exception, told: str, depth: str
) -> None:
    """And it is counted by its kind, however many task groups it came through."""
    group = ExceptionGroup("call", [error])
    failed = {"alone": error, "group": group, "nested": ExceptionGroup("out", [group])}
    call = Call()

    def broken(event: Event) -> None:
        raise failed[depth]

    call.dialect.notify = broken  # type: ignore[method-assign]
    run_virtual(call.run(TURN))
    assert call.reason == told
    assert call.dialect.closed_reasons == [told]
    assert call.dialect.end_codes == ["fault"]
    labels = {"where": "session", "kind": type(error).__name__}
    count = call.metrics.registry.get_sample_value("voiceserver_faults_total", labels)
    assert count == 1


def test_others_have_their_turn_between_the_commands_of_a_message() -> None:
    """Ten messages of six seconds of audio: the loop turns for each slice of it."""

    class Slices(RecordingDialect):
        def receive(
            self, text: str, sender: int = 0, active: int = 0
        ) -> Iterator[Command]:
            for _ in range(6):
                turns.append(n_turns)
                yield Hear(np.zeros(16_000, np.float32))

    turns: list[int] = []
    n_turns = 0
    call = Call()
    call.session._dialect = call.dialect = Slices()  # before anything ran

    async def scenario() -> None:
        nonlocal n_turns
        async with asyncio.TaskGroup() as group:
            running = group.create_task(call.session.run())
            for _ in range(10):
                call.session.receive("x")
            while len(turns) < 60:
                n_turns += 1
                await asyncio.sleep(0)
            running.cancel()

    run_virtual(scenario())
    assert len(set(turns)) == 60


@pytest.mark.parametrize(
    ("commands", "asked"),
    [
        (
            [
                AddMessage("system", "then", "c1", utterance_key(1)),
                AddMessage("system", "first", "c2", ""),
            ],
            [("system", "first"), ("user", "hello there"), ("system", "then")],
        ),
        (
            [DeleteMessage(utterance_key(1)), AddMessage("user", "hi", "c1")],
            [("user", "hi")],
        ),
    ],
)
def test_a_turn_has_its_place_before_its_words(
    commands: list[Command], asked: list[tuple[str, str]]
) -> None:
    """What is chained behind it stays there; deleted, no model is given its words."""
    call = Call(text=FakeText(words=5))
    call.recogniser.final_s = 1.0

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(call.run(TURN))
            await asyncio.sleep(1.8)
            assert call.dialect.of(UserTurn)
            for command in commands:
                call.session.command(command)

    run_virtual(scenario())
    assert messages(call) == asked
