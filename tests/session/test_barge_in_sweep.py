"""A barge-in at every 7 ms of a turn, in virtual time.

Nothing stuck, nothing leaked, no stale frame, and the next turn speaks: whatever the
turn was doing at that instant. With the two ways in which Python 3.11 loses a
cancellation: a child that raises as it lands, an engine that answers it by an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.fakes import Call, FakeSpeech, FakeText
from tests.virtual_time import run_virtual
from voiceserver.config import Config, TurnConfig
from voiceserver.engines.base import SpeechChunk, SpeechRequest, TextItem, TextRequest
from voiceserver.errors import EngineFailed
from voiceserver.events import (
    BargeIn,
    Outcome,
    ReplyDone,
    ReplyStarted,
    SpeechStarted,
    UserTurn,
)
from voiceserver.session import speaking

STEP_S = 0.007
INSTANTS = 300  # 2.1 s: recognition, first text, first speech, playing
CONFIG = Config(turn=TurnConfig(policy="fixed", silence_ms=300, interrupt_ms=160))
# The first turn is committed about here; the sweep starts with it.
COMMIT_S = 0.2 + 0.6 + 0.3


class TextThatRaises(FakeText):
    """Raises an error of its own at a set time into the reply."""

    def __init__(self, after_s: float) -> None:
        super().__init__()
        self._after_s = after_s

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        if len(self.requests):  # only the first turn is the victim
            async for piece in super().reply(request):
                yield piece
            return
        self.requests.append(request)
        await asyncio.sleep(self._after_s)
        raise EngineFailed("text", "fails as the interruption lands")


class SpeechThatAnswersCancel(FakeSpeech):
    """Turns a cancellation into an error of our own."""

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        try:
            async for chunk in super().speak(request):
                yield chunk
        except asyncio.CancelledError:
            raise EngineFailed("speech", "torn down") from None


def interrupted_at(at_s: float, text: FakeText, speech: FakeSpeech) -> Call:
    """Run a call whose second utterance begins ``at_s`` after the first commit."""
    call = Call(CONFIG, text=text, speech=speech)
    silence_s = 0.3 + at_s
    # The script's grid is 20 ms; the rest of the 7 ms steps is the start.
    whole_s = round(silence_s / 0.02) * 0.02
    shift_s = silence_s - whole_s + 0.02

    async def scenario() -> None:
        await asyncio.sleep(shift_s)
        script = [(0.2, False), (0.6, True), (whole_s, False), (0.6, True)]
        await call.run([*script, (1.6, False)])

    run_virtual(scenario())
    return call


def moments(call: Call, *kinds: type) -> list[float]:
    """When events of these kinds were told."""
    told = zip(call.dialect.events, call.dialect.at_s, strict=True)
    return [at_s for event, at_s in told if isinstance(event, kinds)]


def check(call: Call) -> None:
    """The invariants of every barge-in."""
    starts = [e.turn for e in call.dialect.of(ReplyStarted)]  # type: ignore[union-attr]
    ends = [e.turn for e in call.dialect.of(ReplyDone)]  # type: ignore[union-attr]
    # The last reply may still run when the call is hung up.
    assert ends == starts or ends == starts[:-1]
    assert len(call.dialect.of(UserTurn)) == 2
    assert any(frame.turn == 2 for _, frame in call.heard), "the next turn is silent"
    for event, at_s in zip(call.dialect.events, call.dialect.at_s, strict=True):
        if isinstance(event, BargeIn):
            stale = [t for t, f in call.heard if f.turn == 1 and t > at_s + 1e-9]
            assert not stale, f"{len(stale)} frames of turn 1 after the barge-in"
    turns = [frame.turn for _, frame in call.heard]
    assert turns == sorted(turns), "a frame of an old turn came late"
    assert call.text.open_streams == call.speech.open_streams == 0  # type: ignore[attr-defined]
    assert call.recogniser.open_utterances == 0


def sweep(text: FakeText, speech: FakeSpeech, k: int) -> None:
    call = interrupted_at(STEP_S * k, text, speech)
    check(call)


@pytest.mark.parametrize("part", range(6))
def test_a_barge_in_at_any_instant_leaves_nothing_behind(part: int) -> None:
    """300 instants, 7 ms apart, with engines that behave."""
    for k in range(part, INSTANTS, 6):
        sweep(FakeText(), FakeSpeech(), k)


@pytest.mark.parametrize("lead_ms", [-1, 0, 1])
def test_a_child_that_raises_as_the_barge_in_lands(lead_ms: int) -> None:
    """The error and the cancellation meet in one tick; the turn still ends once."""
    for k in range(60, 200, 5):
        at_s = STEP_S * k
        first = interrupted_at(at_s, FakeText(first_s=9), FakeSpeech())
        lands_s = moments(first, SpeechStarted, BargeIn)[1]
        began_s = moments(first, ReplyStarted)[0]
        after_s = lands_s - began_s + lead_ms / 1000
        call = interrupted_at(at_s, TextThatRaises(after_s), FakeSpeech())
        check(call)


@pytest.mark.parametrize("part", range(3))
def test_an_engine_that_answers_a_cancellation_with_an_error(part: int) -> None:
    """The reply must not take it for a failure and speak on."""
    for k in range(part, INSTANTS, 9):
        sweep(FakeText(), SpeechThatAnswersCancel(), k)


def test_an_interrupted_reply_is_reported_as_such() -> None:
    """At 1.5 s into the turn the reply sounds: its one end says interrupted."""
    call = interrupted_at(1.5, FakeText(), FakeSpeech())
    first = call.dialect.of(ReplyDone)[0]
    assert isinstance(first, ReplyDone)
    assert first.outcome is Outcome.INTERRUPTED


@pytest.mark.parametrize("step", range(0, INSTANTS, 20))
def test_a_late_loop_is_no_engine_that_ignores_its_end(
    step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is over before the reply has had its turn: the call lives."""
    monkeypatch.setattr(speaking, "CANCEL_LIMIT_S", 0.0)
    check(interrupted_at(step * STEP_S, FakeText(), FakeSpeech()))
