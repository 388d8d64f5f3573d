"""The stages of a reply: the one place through which its engine calls go.

Each call is bounded by its hard limit and entered in the ledger of the turn; notes of
the engines go there too. Past a stage's soft limit it lives on: what happens then is
decided in ``reply``. A layout test fails when a conversation calls an engine elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar, assert_never

import numpy as np

from voiceserver.audio import SPEECH_RATE
from voiceserver.budget import Called, Spent, Stage, Step, TurnLedger
from voiceserver.commands import CallSettings
from voiceserver.config import BudgetConfig
from voiceserver.engines.base import (
    Hypothesis,
    Message,
    SpeechChunk,
    SpeechRequest,
    TextItem,
    TextRequest,
    Utterance,
)
from voiceserver.engines.notes import (
    Answering,
    Expected,
    Held,
    Judged,
    Note,
    Probable,
    Routed,
)
from voiceserver.engines.opened import Engines
from voiceserver.errors import BudgetExceeded, StageFailed, VoiceServerError
from voiceserver.overload import Load
from voiceserver.purse import Thrift
from voiceserver.reply.patience import Patience
from voiceserver.streams import FixedLimits, Limits, bounded, raise_if_cancelled
from voiceserver.tools import NO_TOOLS, ToolUse

log = logging.getLogger(__name__)
T = TypeVar("T")

SPEECH_GAP_MS = 2000  # between chunks of one phrase
SPEECH_TOTAL_MS = 30_000  # of one phrase
FILLER_MS = 600  # a longer one would delay the answer it bridges to
LINE_MS = 8000  # longest line spoken beforehand
IN_NO_HURRY_S = 20.0  # within which a phrase spoken beforehand has to begin
QUIET = 1e-3  # amplitude; below it the edge of a filler is cut off


class Stages:
    """The engine calls of one reply.

    Args:
        engines: To call.
        voice: For the synthesizer.
        speed: For the synthesizer.
        budget: Limits.
        ledger: Where times, steps and costs are entered.
        now_ns: The session's clock.
    """

    def __init__(
        self,
        engines: Engines,
        voice: str,
        speed: float,
        budget: BudgetConfig,
        ledger: TurnLedger,
        now_ns: Callable[[], int],
    ) -> None:
        self._engines = engines
        self._voice = voice
        self._speed = speed
        self._budget = budget
        self._ledger = ledger
        self._now_ns = now_ns
        self._began: dict[Stage, int] = {}  # stages whose first output is awaited
        self._abandoned = False
        self._language = ""  # of the answer, as whoever writes it says
        self._patience: Patience | None = None  # with the words of the answer

    def reached(self, stage: Stage) -> None:
        """The first output of ``stage`` is there: the end of its time."""
        if stage is Stage.TEXT and self._patience is not None:
            self._patience.clause()
        began_ns = self._began.pop(stage, None)
        if began_ns is not None:
            self._ledger.spend(stage, began_ns, self._now_ns(), "ok")

    def clause_is_late(self) -> bool:
        """Whether the first clause grows, but has taken long."""
        if self._patience is None:
            return False
        return self._patience.clause_is_late(asyncio.get_running_loop().time())

    def sounding(self) -> None:
        """The voice has something to say: words may take their time."""
        if self._patience is not None:
            self._patience.sounding()

    def sounds_for(self, more_s: float) -> None:
        """All that was written is with the caller, who hears it for so long."""
        if self._patience is not None:
            now_s = asyncio.get_running_loop().time()
            self._patience.sounds_until(now_s + more_s)

    def abandon(self) -> None:
        """What comes of these calls from now on is of no use: tokens are wasted."""
        self._abandoned = True
        self._began.clear()

    async def recognise(
        self, utterance: Utterance, late: Callable[[], None]
    ) -> Hypothesis:
        """Wait for the final hypothesis; past the limit the newest one must do.

        Not one that is behind: the end of a sentence is waited for as words are.

        Args:
            utterance: Still the caller's to close.
            late: Called once if the soft limit passes; must not block.

        Raises:
            VoiceServerError: If the recogniser fails.
        """
        budget, ledger = self._budget, self._ledger
        began, outcome = self._now_ns(), "cancelled"
        soft_ms = ledger.soft_ms(Stage.RECOGNITION, began)
        timer = asyncio.get_running_loop().call_later(soft_ms / 1000, late)
        try:
            hypothesis = await _final_within(utterance, budget.recognition_ms)
            in_time = hypothesis.final
            if not in_time and (not hypothesis.text or hypothesis.behind):
                more_ms = budget.recognition_last_ms - budget.recognition_ms
                hypothesis = await _final_within(utterance, more_ms)
            if not hypothesis.final:
                ledger.step(Step.PARTIAL)
            outcome = "ok" if in_time else "late"
        except VoiceServerError:
            outcome = "failed"
            raise
        finally:
            timer.cancel()
            ledger.spend(Stage.RECOGNITION, began, self._now_ns(), outcome)
        return hypothesis

    def text(
        self,
        messages: tuple[Message, ...],
        instructions: str,
        max_output_tokens: int,
        tools: ToolUse = NO_TOOLS,
        read: bool = False,
        guess: bool = False,
        tight: bool = False,
        given: bool = False,
        language: str = "",
        route: str = "",
    ) -> AsyncGenerator[TextItem, None]:
        """Stream the answer to ``messages``; its first clause is to be ``reached``.

        Args:
            messages: The conversation.
            instructions: The role of the model.
            max_output_tokens: Bound of the answer; 0 is unbounded.
            tools: What the model may call.
            read: The answer is read, not heard.
            guess: It may come to nothing.
            tight: Time is short.
            given: The client gave the answer messages or settings of its own.
            language: To be answered in, BCP 47; ``""`` leaves it to the model.
            route: The tier that the client asked for; ``""`` if none.

        Raises:
            StageFailed: If the model fails or is late.
        """
        model, budget = self._engines.text, self._budget
        self._ledger.answered_by = model.name
        load = self._engines.overload.level
        if load >= Load.LEAN:
            self._ledger.step(Step.LEAN)
        if load >= Load.SHORT:
            self._ledger.step(Step.SHORT)
            allowed = max_output_tokens or budget.short_tokens
            max_output_tokens = min(allowed, budget.short_tokens)
        thrift = self._ledger.purse.thrift
        if thrift:
            self._ledger.step(Step.CHEAP if thrift is Thrift.CHEAP else Step.UNPAID)
        request = TextRequest(
            messages,
            instructions,
            max_output_tokens,
            tools,
            observe=self._note_text,
            called=self._called,
            hedge=budget.hedge and load is Load.NORMAL,
            read=read,
            guess=guess,
            tight=tight,
            given=given,
            language=language,
            route=route or _route_of_result(messages, tools),
            thrift=thrift,
            call=self._ledger.call,
        )
        words_s, total_s = budget.text_words_ms / 1000, budget.text_total_ms / 1000
        self._patience = Patience(words_s, total_s, read)
        return self._within(Stage.TEXT, lambda: model.reply(request), self._patience)

    @property
    def mute(self) -> bool:
        """Whether the voice cannot speak the language of the answer."""
        return not self._engines.speaks(self._language)

    def speech(
        self, phrase: str, ahead_s: float = 0.0
    ) -> AsyncGenerator[SpeechChunk, None]:
        """Stream a phrase; a line that was spoken before is not spoken again.

        A phrase in a language that the voice cannot speak gives no sound.

        Args:
            phrase: Plain text.
            ahead_s: What was put and has not sounded yet lasts so long.

        Raises:
            StageFailed: If the voice fails or is late.
        """
        if chunks := self.line_spoken(phrase):
            return _again(chunks)
        fixed = phrase in _fixed(self._budget)  # written in the voice's own language
        language = "" if fixed else self._language
        if not self._engines.speaks(language):
            return _again(())
        speech = self._engines.speech
        self._ledger.spoken_by = self._ledger.spoken_by or speech.name
        request = SpeechRequest(
            phrase,
            self._voice,
            self._speed,
            observe=self._note_speech,
            prefer=self._ledger.spoken_by,
            language=language,
            thrift=self._ledger.purse.thrift,
            within_s=self._sounds_within_s(ahead_s),
        )
        return self._within(
            Stage.SPEECH,
            lambda: speech.speak(request),
            FixedLimits(self._budget.speech_last_ms, SPEECH_GAP_MS, SPEECH_TOTAL_MS),
        )

    def _sounds_within_s(self, ahead_s: float) -> float:
        """What is left of the turn, less the way to the carrier; or of what sounds."""
        left_ms = self._ledger.left_ms(self._now_ns()) - self._budget.egress_reserve_ms
        return max(0.0, ahead_s, left_ms / 1000)

    def line_spoken(self, text: str) -> tuple[SpeechChunk, ...]:
        """Return a line spoken beforehand in the current voice; empty if none was."""
        return self._engines.lines.get(text, self._voice, self._speed) or ()

    def _note_text(self, note: Note) -> None:
        match note:
            case Answering(name, language):
                self._ledger.answered_by = name
                self._language = language
            case Held(call):
                self._hold(call)
            case Probable():
                pass  # judged where the answer comes from
            case Expected(within_s):
                self._ledger.clause_by_ns = self._now_ns() + int(within_s * 1e9)
            case Judged(confidence, source, _):
                self._ledger.confidence = confidence
                self._ledger.confidence_source = source
            case Routed(tier, reasons, _):
                self._ledger.tier, self._ledger.tier_reasons = tier, reasons
            case _:
                self._note(note)

    def _called(self, call: Called) -> None:
        self._ledger.called(call, self._now_ns())

    def _note_speech(self, note: Note) -> None:
        match note:
            case Answering(name):
                self._ledger.spoken_by = name
            case Held() | Routed() | Probable() | Expected() | Judged():
                pass  # a voice's first audio is its first sign
            case _:
                self._note(note)

    def _hold(self, call: bool) -> None:
        if self._patience is not None:
            self._patience.came(asyncio.get_running_loop().time())
            if call:
                self._patience.clause()

    def _note(self, note: Step | Spent) -> None:
        match note:
            case Step():
                self._ledger.step(note)
            case Spent(tokens_in, tokens_out, _, cost_usd) if self._abandoned:
                wasted = tokens_in + tokens_out
                self._ledger.pay(Spent(tokens_in, tokens_out, wasted, cost_usd))
            case Spent():
                self._ledger.pay(note)
            case _:
                assert_never(note)

    async def _within(
        self,
        stage: Stage,
        begin: Callable[[], AsyncGenerator[T, None]],
        limits: Limits,
    ) -> AsyncGenerator[T, None]:
        """Bound what ``begin`` returns and account for it; owns it.

        An engine may decide in that very call who answers: it fails like any item.
        Only a stage's first call of a turn is entered.
        """
        first = not self._ledger.has(stage) and stage not in self._began
        if first and not self._abandoned:
            self._began[stage] = self._now_ns()
        outcome = "cancelled"
        try:
            limited = bounded(begin(), stage.value, limits)
            async with aclosing(limited):
                async for item in limited:
                    if item == "":
                        self._hold(call=True)
                    yield item
            outcome = "ok"
        except BudgetExceeded:
            outcome = "late"
            raise
        except VoiceServerError as error:
            outcome = "failed"
            raise StageFailed(stage.value, str(error)) from error
        finally:
            began_ns = self._began.pop(stage, None) if first else None
            if began_ns is not None:
                self._ledger.spend(stage, began_ns, self._now_ns(), outcome)


class Rehearsal:
    """Has the lines of a call that bridge a delay spoken before they are needed.

    Args:
        engines: To speak.
        budget: Which lines there are.
    """

    def __init__(self, engines: Engines, budget: BudgetConfig) -> None:
        self._engines = engines
        self._budget = budget
        self._sought: tuple[str, float] | None = None  # voice and speed
        self._task: asyncio.Task[None] | None = None

    def begin(self, settings: CallSettings, group: asyncio.TaskGroup) -> None:
        """Have them spoken in the voice of these settings, if they are not yet."""
        sought = (settings.voice, settings.speed)
        if sought != self._sought:
            self._sought = sought
            self.abandon()  # a client that tries every speed
            self._task = group.create_task(
                prepare_lines(self._engines, self._budget, *sought)
            )

    def abandon(self) -> None:
        """They are of no use any more."""
        if self._task is not None:
            self._task.cancel()


async def prepare_lines(
    engines: Engines, budget: BudgetConfig, voice: str, speed: float
) -> None:
    """Speak what may be needed when something is late, before it is needed.

    Then phrases that answers are known to have, while nobody waits for the voice. A
    line that cannot be spoken now is tried again by the next call.
    """
    bridges = (*budget.fillers, *_fixed(budget))
    for text in dict.fromkeys((*bridges, *engines.phrases)):
        if engines.lines.get(text, voice, speed) is not None:
            continue
        longest_ms = FILLER_MS if text in budget.fillers else LINE_MS
        request = SpeechRequest(text, voice, speed)
        try:
            if text in bridges:
                spoken = await _spoken(engines, request, longest_ms)
                chunks = _trimmed(spoken, longest_ms)
            else:  # like any phrase of an answer: its pauses and marks stay
                request = replace(request, within_s=IN_NO_HURRY_S)
                chunks = await _spoken(engines, request, longest_ms)
        except Exception as error:  # noqa: BLE001 - a call goes on without the lines
            known = isinstance(error, VoiceServerError)
            why = str(error) if known else type(error).__name__
            log.warning("a line could not be spoken beforehand", extra={"why": why})
            return
        if not chunks:
            log.warning("a line is too long or silent", extra={"line": text})
        engines.lines.keep(text, voice, speed, chunks)


def _fixed(budget: BudgetConfig) -> tuple[str, ...]:
    """Lines that take the place of an answer."""
    return (budget.sorry, budget.lost, budget.pardon, budget.unspoken)


async def _spoken(
    engines: Engines, request: SpeechRequest, longest_ms: int
) -> tuple[SpeechChunk, ...]:
    """Speak a line; return its chunks, or none if it is far too long."""
    limits = FixedLimits(SPEECH_TOTAL_MS, SPEECH_GAP_MS, SPEECH_TOTAL_MS)
    stream = bounded(engines.speech.speak(request), Stage.SPEECH.value, limits)
    parts: list[SpeechChunk] = []
    n_samples = 0
    async with aclosing(stream):
        async for chunk in stream:
            parts.append(chunk)
            n_samples += len(chunk.samples)
            # Twice: the silence at the edges is not known yet.
            if n_samples > 2 * longest_ms * SPEECH_RATE // 1000:
                return ()
    return tuple(parts)


def _trimmed(
    parts: tuple[SpeechChunk, ...], longest_ms: int
) -> tuple[SpeechChunk, ...]:
    """As one chunk without silence at its edges; none if it is too long or silent."""
    if not parts:
        return ()
    samples = np.concatenate([part.samples for part in parts])
    loud = np.flatnonzero(np.abs(samples) > QUIET)
    if not len(loud) or not np.isfinite(samples).all():
        return ()
    first, last = int(loud[0]), int(loud[-1]) + 1
    if last - first > longest_ms * SPEECH_RATE // 1000:
        return ()
    # Marks are dropped: a line is short, and heard whole or hardly at all.
    return (SpeechChunk(samples[first:last].copy()),)


def _route_of_result(messages: tuple[Message, ...], tools: ToolUse) -> str:
    """The tier that is to speak of a function's result, as its client says."""
    if not messages or messages[-1].role != "tool":
        return ""
    calls = {call.call_id: call.name for each in messages for call in each.calls}
    name = calls.get(messages[-1].call_id)
    return next((tool.route for tool in tools.tools if tool.name == name), "")


async def _again(
    chunks: tuple[SpeechChunk, ...],
) -> AsyncGenerator[SpeechChunk, None]:
    for chunk in chunks:
        yield chunk


async def _final_within(utterance: Utterance, limit_ms: float) -> Hypothesis:
    """Return the final hypothesis, or the newest one if it does not come in time."""
    try:
        async with asyncio.timeout(limit_ms / 1000):
            hypothesis = await utterance.final()
            raise_if_cancelled()
            return hypothesis
    except TimeoutError:
        return utterance.latest
