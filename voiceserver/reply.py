"""A reply: recognise, think, speak; each stage within its budget.

One reply is one task. Every engine call of a reply goes through ``_within`` or
``_recognise``, which know the stage's limit and enter what it took in the ledger. A
text engine that is late or fails before anything was said yields the canned line.
A reply writes no history and knows no protocol; it tells the session through
``emit`` and gives its audio to playout. Cancelling it stops its engines.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import numpy as np

from voiceserver.asked import ReplySettings, Source
from voiceserver.budget import Stage, TurnLedger
from voiceserver.engines.base import (
    Engines,
    Hypothesis,
    Message,
    Reminder,
    Shortened,
    SpeechRequest,
    TextItem,
    TextRequest,
    Utterance,
)
from voiceserver.errors import BudgetExceeded, StageFailed, VoiceServerError
from voiceserver.events import (
    Event,
    Outcome,
    ReplyDone,
    ReplyStarted,
    TextDelta,
    ToolCalled,
    Transcript,
)
from voiceserver.heard import HeardText
from voiceserver.phrases import Phrase, PhraseSplitter
from voiceserver.playout import Outlet
from voiceserver.streams import bounded, raise_if_cancelled
from voiceserver.tools import ToolCall

log = logging.getLogger(__name__)
T = TypeVar("T")

TEXT_TO_SPEECH = 2  # phrases; then the text model waits
SPEECH_GAP_MS = 2000  # between chunks of one phrase
SPEECH_TOTAL_MS = 30_000  # of one phrase
# Who answered, where it was no text model.
CANNED = "canned"
SCRIPT = "script"


class Reply:
    """One reply; ``run`` is its task.

    Args:
        turn: Its number.
        source: What it answers.
        settings: Snapshot of the conversation's settings.
        engines: To call.
        playout: Where the audio goes.
        ledger: Where times are entered.
        now_ns: The session's clock.
        emit: Passes an event to the session, waiting for room.
        conversation: Gives the messages to answer, once the transcript is in them.

    Attributes:
        transcript: What the user said; None until it is settled.
        heard: Follows what of the text was synthesized.
        started: Whether ``ReplyStarted`` was emitted.
        fault: The error that made the reply fail or fall back; None if none.
    """

    def __init__(
        self,
        turn: int,
        source: Source,
        settings: ReplySettings,
        engines: Engines,
        playout: Outlet,
        ledger: TurnLedger,
        now_ns: Callable[[], int],
        emit: Callable[[Event | Reminder], Awaitable[None]],
        conversation: Callable[[], tuple[Message, ...]],
    ) -> None:
        self.turn = turn
        self.source = source
        self.transcript: Hypothesis | None = None
        self.heard = HeardText()
        self.started = False
        self.fault: Exception | None = None
        self._settings = settings
        self._engines = engines
        self._playout = playout
        self._ledger = ledger
        self._now_ns = now_ns
        self._emit = emit
        self._conversation = conversation
        self._text = ""
        self._calls = 0
        self._shortened = False
        self._stopped = False
        self._written = asyncio.Event()
        self._splitter = PhraseSplitter()

    @property
    def latest(self) -> Hypothesis:
        """The settled transcript, or the newest hypothesis."""
        if self.transcript is not None:
            return self.transcript
        utterance = self.source.utterance
        return utterance.latest if utterance is not None else Hypothesis()

    @property
    def text_only(self) -> bool:
        """Whether it is read, not heard."""
        return self._settings.text_only

    @property
    def spoke(self) -> bool:
        """Whether any audio was made."""
        return self.heard.n_samples > 0

    @property
    def answers(self) -> bool:
        """Whether there is something to answer; known once the transcript is.

        A recogniser that failed is answered too, with the canned line: silence would
        be worse.
        """
        heard = self.source.number == 0 or bool(self.latest.text)
        return self.source.answer and (heard or self.fault is not None)

    def proceed(self) -> None:
        """The transcript stands in the conversation: it can be answered now."""
        self._written.set()

    def stop(self) -> None:
        """Say that the task is being cancelled; called just before it is."""
        self._stopped = True

    async def run(self) -> None:
        """Recognise, think and speak; raises nothing but ``CancelledError``."""
        try:
            if self.source.number:
                await self._settle_transcript()
            if self.answers:
                await self._answer()
        finally:
            if self.source.utterance is not None:
                self.source.utterance.close()

    async def _settle_transcript(self) -> None:
        error = ""
        try:
            hypothesis = await self._recognise()
        except Exception as failure:  # noqa: BLE001 - the reply's catch site
            self._raise_if_stopped()
            self.fault = failure
            hypothesis = self.latest
            error = "" if hypothesis.text else _words_for(failure)
        self.transcript = hypothesis
        number = self.source.number
        await self._emit(Transcript(number, hypothesis.text, final=True, error=error))
        # The writer writes it down; asking before that would leave it out.
        await self._written.wait()

    async def _recognise(self) -> Hypothesis:
        """Wait for the final hypothesis; past the limit the newest one must do."""
        utterance = self.source.utterance
        if utterance is None:
            raise VoiceServerError("the recogniser was not available")
        began, outcome = self._now_ns(), "cancelled"
        limit_ms = self._ledger.limit_ms(Stage.RECOGNITION)
        last_ms = self._settings.budget.recognition_last_ms
        try:
            hypothesis = await _final_within(utterance, limit_ms)
            in_time = hypothesis.final
            if not in_time and not hypothesis.text:
                hypothesis = await _final_within(utterance, last_ms - limit_ms)
            outcome = "ok" if in_time else "late"
        except VoiceServerError:
            outcome = "failed"
            raise
        finally:
            self._ledger.spend(Stage.RECOGNITION, began, self._now_ns(), outcome)
        return hypothesis

    async def _answer(self) -> None:
        source = self.source
        await self._emit(ReplyStarted(self.turn, source.metadata, source.request))
        self.started = True
        outcome, error = Outcome.COMPLETED, ""
        try:
            await self._speak_text(self._words())
        except Exception as failure:  # noqa: BLE001 - the reply's catch site
            self._raise_if_stopped()
            self.fault = failure
            log.warning(
                "a reply failed",
                extra={"turn": self.turn, "why": _words_for(failure)},
            )
            outcome, error = await self._fall_back(failure)
        self._raise_if_stopped()
        if self._shortened and outcome is Outcome.COMPLETED:
            outcome = Outcome.SHORTENED
        await self._emit(self._done(outcome, error))
        # After ReplyDone: an empty rest ends the playing at once.
        self._playout.finish(self.turn)

    def _raise_if_stopped(self) -> None:
        """Take up a lost cancellation; see ``streams.raise_if_cancelled``."""
        if self._stopped:
            raise asyncio.CancelledError

    def _done(self, outcome: Outcome, error: str) -> ReplyDone:
        answered_by = self._ledger.answered_by
        return ReplyDone(self.turn, self._text, outcome, answered_by, error)

    async def _fall_back(self, failure: Exception) -> tuple[Outcome, str]:
        """Say the canned line if nothing was said yet; never splice two answers."""
        error = _words_for(failure)
        if self.spoke or self._calls or _is_speech(failure):
            return Outcome.FAILED, error
        self._ledger.answered_by = CANNED
        self._splitter = PhraseSplitter()
        line = self._settings.budget.sorry
        if self._text:
            line = f" {line}"
        self._splitter.push(" " * len(self._text))  # keeps character positions
        try:
            await self._speak_text(_once(line))
        except Exception as again:  # noqa: BLE001 - the reply's catch site
            self._raise_if_stopped()
            return Outcome.FAILED, _words_for(again)
        return Outcome.COMPLETED, error

    def _words(self) -> AsyncGenerator[TextItem, None]:
        if self.source.say is not None:
            self._ledger.answered_by = SCRIPT
            return _once(self.source.say)
        if self.source.number and not self.latest.text:
            self._ledger.answered_by = CANNED
            return _once(self._settings.budget.sorry)
        model = self._engines.text
        self._ledger.answered_by = model.name
        budget = self._settings.budget
        request = TextRequest(
            self._conversation(),
            self._settings.instructions,
            self._settings.max_output_tokens,
            self._settings.tools,
        )
        return self._within(
            Stage.TEXT,
            model.reply(request),
            budget.text_stall_ms,
            budget.text_total_ms,
        )

    async def _speak_text(self, words: AsyncGenerator[TextItem, None]) -> None:
        phrases: asyncio.Queue[Phrase | None] = asyncio.Queue(TEXT_TO_SPEECH)

        async def write() -> None:
            async with aclosing(words):
                async for piece in words:
                    for phrase in await self._take(piece):
                        await phrases.put(phrase)
            for phrase in self._splitter.flush():
                await phrases.put(phrase)
            await phrases.put(None)

        async def speak() -> None:
            while (phrase := await phrases.get()) is not None:
                if self._settings.text_only:
                    continue
                if not await self._speak(phrase):
                    return

        async with asyncio.TaskGroup() as group:
            group.create_task(write())
            group.create_task(speak())

    async def _take(self, piece: TextItem) -> list[Phrase]:
        """Tell what the text model gave; return the phrases that it completes."""
        match piece:
            case Reminder():
                await self._emit(piece)
            case ToolCall():
                self._calls += 1
                await self._emit(ToolCalled(self.turn, piece))
            case Shortened():
                self._shortened = True
            case "":
                pass
            case str():
                self._text += piece
                await self._emit(TextDelta(self.turn, piece))
                return self._splitter.push(piece)
        return []

    async def _speak(self, phrase: Phrase) -> bool:
        """Speak a phrase; returns False once the turn is over."""
        settings = self._settings
        request = SpeechRequest(phrase.text, settings.voice, settings.speed)
        self.heard.begin(phrase.text, phrase.start)
        stream = self._within(
            Stage.SPEECH,
            self._engines.speech.speak(request),
            SPEECH_GAP_MS,
            SPEECH_TOTAL_MS,
        )
        async with aclosing(stream):
            async for chunk in stream:
                if not np.isfinite(chunk.samples).all():
                    raise StageFailed(Stage.SPEECH.value, "speech: not finite")
                for word in chunk.words:
                    self.heard.mark(word.end, word.pts, word.pts_end)
                self.heard.add(len(chunk.samples))
                if not await self._playout.put(self.turn, chunk.samples):
                    return False
        self.heard.end()
        return True

    async def _within(
        self,
        stage: Stage,
        stream: AsyncGenerator[T, None],
        gap_ms: float,
        total_ms: float,
    ) -> AsyncGenerator[T, None]:
        """The one place an engine's stream goes through: bounded and accounted.

        Owns ``stream``. Only a stage's first call of a turn is entered.
        """
        began, told = self._now_ns(), self._ledger.has(stage)

        def spent(outcome: str) -> None:
            nonlocal told
            if not told:
                told = True
                self._ledger.spend(stage, began, self._now_ns(), outcome)

        limited = bounded(
            stream,
            stage.value,
            self._ledger.limit_ms(stage),
            gap_ms,
            total_ms,
            lambda: spent("ok"),
        )
        outcome = "cancelled"
        try:
            async with aclosing(limited):
                async for item in limited:
                    yield item
            outcome = "ok"
        except BudgetExceeded:
            outcome = "late"
            raise
        except VoiceServerError as error:
            outcome = "failed"
            raise StageFailed(stage.value, str(error)) from error
        finally:
            spent(outcome)


async def _final_within(utterance: Utterance, limit_ms: float) -> Hypothesis:
    """Return the final hypothesis, or the newest one if it does not come in time."""
    try:
        async with asyncio.timeout(limit_ms / 1000):
            hypothesis = await utterance.final()
            raise_if_cancelled()
            return hypothesis
    except TimeoutError:
        return utterance.latest


async def _once(text: str) -> AsyncGenerator[TextItem, None]:
    yield text


def _first(failure: BaseException) -> BaseException:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure


def _words_for(failure: Exception) -> str:
    """What to tell a client; a programming error's text stays inside."""
    first = _first(failure)
    return str(first) if isinstance(first, VoiceServerError) else "internal error"


def _is_speech(failure: Exception) -> bool:
    first = _first(failure)
    return isinstance(first, StageFailed) and first.stage == Stage.SPEECH.value
