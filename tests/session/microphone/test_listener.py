"""Listening: the microphone's ring, pre-roll, utterances handed over."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from tests.fakes import LOUD, FakeRecogniser, FakeSpeech, FakeText, FakeVad
from tests.recordings import recording
from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.audio import MIC_FRAME, MIC_RATE, Samples
from voiceserver.commands import Hearing
from voiceserver.config import TurnConfig
from voiceserver.engines.acoustic.silero import Silero
from voiceserver.engines.base import DICTATION, Opening, VoiceActivityEngine
from voiceserver.engines.opened import Engines
from voiceserver.errors import Overloaded
from voiceserver.events import (
    BargeIn,
    Event,
    Failed,
    SpeechStarted,
    Transcript,
    UserTurn,
)
from voiceserver.loop_turns import LoopTurn
from voiceserver.session.microphone import listener
from voiceserver.session.microphone.listener import RING_MS, Listener
from voiceserver.turns.ending import EndWeights
from voiceserver.turns.quiet import Quiet


class Ear:
    """A listener with what it posted, ducked and dropped."""

    def __init__(
        self,
        recogniser: FakeRecogniser | None = None,
        config: TurnConfig | None = None,
        ending: EndWeights | None = None,
        vad: VoiceActivityEngine | None = None,
    ) -> None:
        self.recogniser = recogniser or FakeRecogniser()
        self.events: list[Event] = []
        self.ducks: list[float] = []
        self.dropped = 0
        engines = Engines(
            vad or FakeVad(), self.recogniser, FakeText(), FakeSpeech(), ending=ending
        )
        self.listener = Listener(
            config or TurnConfig(),
            engines,
            self.events.append,
            self.ducks.append,
            VirtualClock(),
            self._drop,
        )

    def _drop(self, n_samples: int) -> None:
        self.dropped += n_samples

    async def listen(self, *parts: tuple[float, bool]) -> None:
        """Hear ``(seconds, speaking)``, 20 ms at a time."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.listener.run())
            for seconds, speaking in parts:
                for _ in range(round(seconds * 50)):
                    self.listener.hear(frame(speaking))
                    await asyncio.sleep(0.02)
            task.cancel()


def frame(speaking: bool) -> Samples:
    return np.full(MIC_FRAME, LOUD if speaking else 0.0, np.float32)


def test_no_speech_begins_in_what_was_made_up() -> None:
    """However loud it is; speech that goes on goes on."""

    async def run() -> Ear:
        ear = Ear()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(ear.listener.run())
            for made_up, seconds in ((True, 1.0), (False, 0.3), (True, 0.1)):
                for _ in range(round(seconds * 50)):
                    ear.listener.hear(frame(True), made_up)
                    await asyncio.sleep(0.02)
                started = [e.at for e in ear.events if isinstance(e, SpeechStarted)]
                assert bool(started) == (seconds < 1)
            task.cancel()
        return ear

    ear = run_virtual(run())
    [start] = [event for event in ear.events if isinstance(event, SpeechStarted)]
    assert start.at >= 0.95 * MIC_RATE


def pushed_to(ear: Ear) -> list[Samples]:
    """What the recogniser will be given, as it comes."""
    pushed: list[Samples] = []
    opened = ear.recogniser.open

    def open_and_note(opening: Opening = DICTATION) -> object:
        utterance = opened(opening)
        push = utterance.push

        def note(samples: Samples) -> None:
            pushed.append(samples)
            push(samples)

        utterance.push = note  # type: ignore[method-assign]
        return utterance

    ear.recogniser.open = open_and_note  # type: ignore[assignment,method-assign]
    return pushed


def test_the_recogniser_gets_what_came_before_the_decision() -> None:
    """300 ms before the first voiced sample, and all of the speech."""
    ear = Ear()
    pushed = pushed_to(ear)
    run_virtual(ear.listen((1.0, False), (0.5, True), (1.0, False)))
    audio = np.concatenate(pushed)
    before = int(np.argmax(np.abs(audio) > 0))
    # Voiced to 8 ms within windows of 32 ms.
    assert 0 <= before - 300 * MIC_RATE // 1000 < 512
    assert int((np.abs(audio) > 0).sum()) == MIC_RATE // 2


def test_a_stalled_listener_drops_the_oldest() -> None:
    """The ring holds 2 s; what is beyond is counted."""
    ear = Ear()
    for _ in range(150):
        ear.listener.hear(frame(True))
    assert ear.dropped == 3 * MIC_RATE - RING_MS * MIC_RATE // 1000


def test_listeners_that_have_to_wait_for_their_turn_hear_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where one block is all that a turn of the loop has room for; a little later."""
    monkeypatch.setattr(listener, "LISTENING", LoopTurn(part_ms=0))

    async def run() -> list[Ear]:
        ears = [Ear() for _ in range(5)]
        said = (0.2, False), (1.0, True), (2.0, False)
        await asyncio.gather(*(ear.listen(*said) for ear in ears))
        return ears

    first, *others = run_virtual(run())
    assert [type(each) for each in first.events][-1] is UserTurn
    assert first.dropped == 0
    assert all(heard_in(other) == heard_in(first) for other in others)


def heard_in(ear: Ear) -> list[Event]:
    """What was heard, whenever it was looked at."""
    return [
        replace(event, decided_ns=0) if isinstance(event, UserTurn) else event
        for event in ear.events
    ]


def test_a_committed_utterance_is_handed_over_once() -> None:
    """Whoever takes it closes it."""
    ear = Ear()

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(ear.listen((0.5, True), (1.0, False)))
            await asyncio.sleep(1.4)
            utterance = ear.listener.take(1)
            assert utterance is not None
            assert ear.listener.take(1) is None
            utterance.close()
            await asyncio.wait({task})

    run_virtual(scenario())
    assert any(isinstance(event, UserTurn) for event in ear.events)
    assert ear.recogniser.open_utterances == 0


def test_what_nobody_took_is_closed_with_the_call() -> None:
    """No recogniser stays leased."""
    ear = Ear()
    run_virtual(ear.listen((0.5, True), (1.0, False), (0.5, True)))
    assert ear.recogniser.open_utterances == 0


def test_without_a_recogniser_the_turn_still_ends() -> None:
    """The fault is told; the turn is committed without an utterance."""

    class Taken(FakeRecogniser):
        def open(self, opening: object = None) -> object:  # type: ignore[override]
            raise Overloaded("all recognisers are taken")

    ear = Ear(Taken())
    run_virtual(ear.listen((0.5, True), (1.0, False)))
    kinds = [type(event) for event in ear.events]
    assert kinds.count(Failed) == 1
    assert UserTurn in kinds


def test_an_overlap_ducks_and_a_backchannel_restores() -> None:
    """12 dB at its start, 0 at its end, and no event."""
    ear = Ear(FakeRecogniser(["yeah"]))
    ear.listener.playing(True)
    run_virtual(ear.listen((0.3, True), (1.0, False)))
    assert ear.ducks == [12.0, 0]
    assert ear.events == []


def test_turn_taking_goes_by_words_and_the_client_gets_the_text() -> None:
    """A recogniser with capitals and punctuation is understood as any."""
    ear = Ear(FakeRecogniser(["Hold ON!"]))
    ear.listener.playing(True)
    run_virtual(ear.listen((0.45, True), (1.0, False)))
    [interruption] = [each for each in ear.events if isinstance(each, BargeIn)]
    assert interruption.reason == "stop_word"
    told = [each.text for each in ear.events if isinstance(each, Transcript)]
    assert told == ["Hold ON!"]


def test_positions_count_what_was_listened_to() -> None:
    """Speech that begins after 1 s begins at sample 16,000 (to a window)."""
    ear = Ear()
    run_virtual(ear.listen((1.0, False), (0.5, True)))
    [started] = [e for e in ear.events if isinstance(e, SpeechStarted)]
    assert abs(started.at - MIC_RATE) <= 512


MANUAL = TurnConfig(policy="manual")


@pytest.mark.parametrize(
    ("parts", "voiced_s", "most_s"),
    [
        ([(1.0, True)], 1.0, 1.1),
        ([(25.0, False), (1.0, True), (2.0, False)], 1.0, 2.1),
        ([(70.0, False), (0.06, True), (9.0, False)], 0.06, 1.2),
        ([(1.0, True), (60.0, False), (2.0, True), (30.0, False)], 3.0, 5.2),
        ([(0.06, True), (60.0, False), (2.0, True)], 2.06, 3.7),
        ([(30.0, False)], 0.0, 5.1),
        ([(0.2, False)], 0.0, 0.21),
        ([(0.05, False)], None, 0.0),
    ],
)
def test_quiet_in_a_manual_turn_costs_the_recogniser_nothing(
    parts: list[tuple[float, bool]], voiced_s: float | None, most_s: float
) -> None:
    """Of any length, anywhere: all that is voiced is decoded, and 500 ms around it."""
    ear = Ear(config=MANUAL)
    pushed = pushed_to(ear)

    async def scenario() -> bool:
        await ear.listen(*parts)
        return ear.listener.commit()

    assert run_virtual(scenario()) is (voiced_s is not None)
    if voiced_s is not None:
        audio = np.concatenate(pushed)
        assert (np.abs(audio) > 0).sum() / MIC_RATE == pytest.approx(voiced_s)
        assert len(audio) <= most_s * MIC_RATE


def test_a_manual_turn_is_given_to_the_recogniser_once() -> None:
    """What one commit took is not in the next."""
    ear = Ear(config=MANUAL)
    pushed = pushed_to(ear)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(ear.listener.run())
            for _ in range(2):
                for speaking in [False] * 100 + [True] * 50:
                    ear.listener.hear(frame(speaking))
                    await asyncio.sleep(0.02)
                await asyncio.sleep(0.02)
                assert ear.listener.commit()
            task.cancel()

    run_virtual(scenario())
    audio = np.concatenate(pushed)
    assert int((np.abs(audio) > 0).sum()) == 2 * MIC_RATE


@pytest.mark.parametrize(
    ("policies", "kept"), [(["manual"], True), (["graded", "manual"], False)]
)
def test_what_was_heard_while_another_ended_turns_is_forgotten(
    policies: list[Literal["graded", "manual"]], kept: bool
) -> None:
    """Settings that leave it with the client keep what was heard for its turn."""
    ear = Ear(config=MANUAL)

    async def scenario() -> bool:
        await ear.listen((1.0, False))
        for policy in policies:
            ear.listener.configure(TurnConfig(policy=policy), Hearing())
        return ear.listener.commit()

    assert run_virtual(scenario()) is kept


@pytest.mark.parametrize("n_clears", [0, 1, 20])
def test_a_clear_does_not_shift_the_clock(n_clears: int) -> None:
    """However often: silence is as long as ever, and positions count all audio."""
    ear = Ear(config=TurnConfig(policy="fixed", silence_ms=500))

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(ear.listener.run())
            for n in range(1, 101):
                ear.listener.hear(frame(False))
                if n <= n_clears:
                    ear.listener.clear()  # now and then before it was listened to
                if n % 3:
                    await asyncio.sleep(0.02)
            for speaking in [True] * 50 + [False] * 50:
                ear.listener.hear(frame(speaking))
                await asyncio.sleep(0.02)
            task.cancel()

    run_virtual(scenario())
    [started] = [each for each in ear.events if isinstance(each, SpeechStarted)]
    [turn] = [each for each in ear.events if isinstance(each, UserTurn)]
    assert abs(started.at - 2 * MIC_RATE) <= 512
    assert abs(turn.at - 3 * MIC_RATE) <= 512
    assert 0 <= turn.decided_at - turn.at - MIC_RATE // 2 <= 640


def test_a_recogniser_is_told_how_to_listen_and_where_the_voice_ends() -> None:
    """The client's language and words, and whether it is over a reply."""
    ear = Ear()
    ear.listener.configure(TurnConfig(), Hearing("de", "Bier", timed=True))
    run_virtual(ear.listen((0.5, True), (1.0, False)))
    assert ear.recogniser.openings == [Opening("de", "Bier", timed=True)]
    over = Ear()
    over.listener.playing(True)
    run_virtual(over.listen((0.3, True), (1.0, False)))
    assert over.recogniser.openings == [Opening(overlap=True)]


def test_what_a_recogniser_says_of_the_end_is_evidence_of_it() -> None:
    """It shortens or lengthens the wait, and ends no turn."""
    weights = EndWeights("toy", {"silence": 1.0, "sound": 1.0})

    def waited_ms(ended: float | None) -> float:
        recogniser = FakeRecogniser(["i would like a coffee"])
        recogniser.ended = ended
        ear = Ear(recogniser, ending=weights)
        run_virtual(ear.listen((1.0, True), (4.0, False)))
        [turn] = [event for event in ear.events if isinstance(event, UserTurn)]
        return (turn.decided_at - turn.at) * 1000 / MIC_RATE

    sure, unsure, silent = waited_ms(0.95), waited_ms(0.4), waited_ms(None)
    assert 100 < sure < silent < unsure


def test_words_that_stay_the_same_are_told_once() -> None:
    """Whatever else a recogniser thinks anew."""
    recogniser = FakeRecogniser(["yes"])
    ear = Ear(recogniser)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(ear.listen((0.6, True)))
            for step in range(10):
                await asyncio.sleep(0.06)
                recogniser.ended = step / 10
            await task

    run_virtual(scenario())
    told = [event.text for event in ear.events if isinstance(event, Transcript)]
    assert told == ["yes"]


def heard_as(ear: Ear, samples: Samples) -> list[tuple[int, Event]]:
    """What is posted in which frame of a microphone."""
    noted: list[tuple[int, Event]] = []

    async def listen() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(ear.listener.run())
            for at in range(0, len(samples), MIC_FRAME):
                before = len(ear.events)
                if at in (40 * MIC_FRAME, 900 * MIC_FRAME):  # in the midst of quiet
                    ear.listener.playing(at == 40 * MIC_FRAME)
                ear.listener.hear(samples[at : at + MIC_FRAME])
                await asyncio.sleep(0.02)
                noted.extend((at // MIC_FRAME, one) for one in ear.events[before:])
            task.cancel()

    run_virtual(listen())
    return noted


@pytest.mark.speech
@pytest.mark.parametrize(
    ("noise_db", "peak"), [(None, 0.5), (-62.0, 0.05), (-50.0, 0.5), (-50.0, 0.02)]
)
def test_quiet_windows_that_wait_change_nothing(
    monkeypatch: pytest.MonkeyPatch, noise_db: float | None, peak: float
) -> None:
    """Every beginning and end in the same frame, at the same sample."""
    rng = np.random.default_rng(3)
    parts: list[Samples] = []
    for name in ("brooklyn", "whatstheweatherlike", "brooklyn"):
        speech = recording(f"speech/command/{name}.wav")
        quiet = np.zeros(round(rng.uniform(1.5, 3.5) * MIC_RATE), np.float32)
        parts += [quiet, speech * np.float32(peak / np.abs(speech).max())]
    samples = np.concatenate([*parts, np.zeros(2 * MIC_RATE, np.float32)])
    if noise_db is not None:
        noise = rng.standard_normal(len(samples)) * 10 ** (noise_db / 20)
        samples += noise.astype(np.float32)
    engine = Silero()
    asked: list[int] = []

    def opened() -> object:
        detector = engine.open()
        look = detector.probabilities

        def noting(windows: list[Samples]) -> list[float]:
            asked.append(len(windows))
            return look(windows)

        detector.probabilities = noting  # type: ignore[assignment,method-assign]
        return detector

    vad = type("Vad", (), {"open": staticmethod(opened)})()
    waiting = heard_as(Ear(vad=vad), samples)
    n_looks = len(asked)
    monkeypatch.setattr(Quiet, "may_wait", lambda *_: False)
    assert waiting == heard_as(Ear(vad=vad), samples)
    assert any(isinstance(event, UserTurn) for _, event in waiting)
    assert n_looks < 0.75 * (len(asked) - n_looks)
