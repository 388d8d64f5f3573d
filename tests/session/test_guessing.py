"""Replies begun before the end of a turn is certain."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.fakes import Call, FakeRecogniser, FakeText
from tests.virtual_time import run_virtual
from voiceserver.commands import AddMessage, Configure
from voiceserver.config import BudgetConfig, Config, TurnConfig
from voiceserver.events import ReplyDone, Transcript
from voiceserver.overload import Load

TURN = TurnConfig(policy="fixed", silence_ms=500)
WORDS = "tell me something nice now"


def call(speculations: int = 3, text: FakeText | None = None) -> Call:
    config = Config(turn=TURN, budget=BudgetConfig(speculations=speculations))
    return Call(config, FakeRecogniser([WORDS]), text or FakeText(words=5))


def test_a_guess_that_held_answers_at_once() -> None:
    """Asked once, and the words are the user's."""
    it = call()
    run_virtual(it.run([(1, False), (1, True), (3, False)]))
    [record] = it.dialect.records
    assert record.speculation == "held"
    assert record.first_audio_ms is not None and record.first_audio_ms <= 60
    assert len(it.text.requests) == 1  # type: ignore[attr-defined]
    assert it.text.requests[0].messages[-1].text == WORDS  # type: ignore[attr-defined]
    assert it.text.requests[0].call == "call"  # type: ignore[attr-defined]


def test_a_guess_holds_whatever_the_case_and_punctuation() -> None:
    """Of a recogniser that writes its finals with more care; the client gets those."""
    it = call()
    it.recogniser.written = lambda text: f"{text.capitalize()}!"
    run_virtual(it.run([(1, False), (1, True), (3, False)]))
    [record] = it.dialect.records
    assert record.speculation == "held"
    assert len(it.text.requests) == 1  # type: ignore[attr-defined]
    final = it.dialect.of(Transcript)[-1]
    assert isinstance(final, Transcript)
    assert final.text == "Tell me something nice now!"


def test_nothing_is_told_before_the_turn_is_over() -> None:
    """The transcript comes first, then the reply."""
    it = call()
    run_virtual(it.run([(1, False), (1, True), (3, False)]))
    kinds = [type(event).__name__ for event in it.dialect.events]
    assert kinds.index("UserTurn") < kinds.index("ReplyStarted")
    final = [i for i, e in enumerate(it.dialect.events) if isinstance(e, Transcript)]
    assert final[-1] < kinds.index("ReplyStarted")


def test_speech_that_resumes_drops_it() -> None:
    """The answer is to all the words, and nothing of the first is heard."""
    it = call()
    # At 5 words a second the pause falls after the third.
    script = [(1, False), (0.62, True), (0.4, False), (0.5, True), (4, False)]
    run_virtual(it.run(script))
    assert [e.outcome.value for e in it.dialect.of(ReplyDone)] == ["completed"]  # type: ignore[union-attr]
    fates = it.metrics.registry.get_sample_value
    assert fates("voiceserver_speculations_total", {"fate": "dropped"}) == 1
    assert it.text.open_streams == 0  # type: ignore[attr-defined]


def test_at_most_three_are_begun_a_turn() -> None:
    """However often the user pauses."""
    it = call()
    it.recogniser.words_per_s = 2
    script = [(1.0, False)]
    for _ in range(6):
        script += [(0.5, True), (0.4, False)]
    run_virtual(it.run([*script, (0.1, False)]))
    assert len(it.text.requests) <= 3  # type: ignore[attr-defined]


def test_none_is_begun_where_it_is_turned_off() -> None:
    """The model is asked after the commit."""
    it = call(speculations=0)
    run_virtual(it.run([(1, False), (1, True), (3, False)]))
    [record] = it.dialect.records
    assert record.speculation == ""
    assert record.first_audio_ms is not None and record.first_audio_ms > 200


@pytest.mark.parametrize(
    ("level", "steps"),
    [
        (Load.LEAN, ("overload.lean",)),
        (Load.SHORT, ("overload.lean", "overload.short")),
    ],
)
def test_none_is_begun_under_overload(level: Load, steps: tuple[str, ...]) -> None:
    """And replies are kept short before a call is refused."""
    it = call()
    it.session._speaking._engines.overload.level = level
    run_virtual(it.run([(1, False), (1, True), (3, False)]))
    [record] = it.dialect.records
    assert (record.speculation, record.steps) == ("", steps)
    [request] = it.text.requests  # type: ignore[attr-defined]
    assert request.max_output_tokens == (80 if level is Load.SHORT else 512)


def test_a_message_of_the_client_drops_it() -> None:
    """It did not know of it."""
    it = call()

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(it.run([(1, False), (1, True), (3, False)]))
            await asyncio.sleep(2.3)
            it.session.command(AddMessage("system", "Speak French."))

    run_virtual(scenario())
    texts = [m.text for m in it.text.requests[-1].messages]  # type: ignore[attr-defined]
    assert "Speak French." in texts


@pytest.mark.parametrize("at_ms", range(1900, 2700, 40))
def test_a_call_that_ends_leaves_no_guess_behind(at_ms: int) -> None:
    """At whatever moment."""
    it = call()
    run_virtual(it.run([(1, False), (1, True), ((at_ms - 2000) / 1000, False)]))
    assert it.text.open_streams == it.speech.open_streams == 0  # type: ignore[attr-defined]
    assert it.recogniser.open_utterances == 0


def test_other_settings_drop_it() -> None:
    """It was begun in another voice."""
    it = call()

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(it.run([(1, False), (1, True), (3, False)]))
            await asyncio.sleep(2.35)
            it.session.command(Configure(replace(it.settings, voice="echo")))

    run_virtual(scenario())
    [record] = it.dialect.records
    assert record.speculation == ""
    assert len(it.text.requests) == 2  # type: ignore[attr-defined]
    assert it.text.open_streams == 0  # type: ignore[attr-defined]


def test_a_client_that_tries_every_speed_prepares_one_at_a_time() -> None:
    """And a call that ends waits for none."""
    it = call()
    it.speech.first_s = 5.0  # type: ignore[attr-defined]

    async def scenario() -> float:
        async with asyncio.TaskGroup() as group:
            group.create_task(it.run([(2.0, False)]))
            for n in range(20):
                await asyncio.sleep(0.05)
                it.session.command(Configure(replace(it.settings, speed=1 + n / 100)))
            await asyncio.sleep(0)
            assert it.speech.open_streams <= 1  # type: ignore[attr-defined]
        return asyncio.get_running_loop().time()

    assert run_virtual(scenario()) < 3
