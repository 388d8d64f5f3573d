"""A reply: recognise, think, speak; each within its budget.

One reply is one task. It may begin before the user's turn is certain to be over, on
a guess of the words, and is then held until ``commit``. While the final words are late
an answer to the newest partial is drafted; while the answer is late a filler is said,
once. A reply writes no history and knows no protocol; it tells the session through
``emit`` and gives its audio to playout. Cancelling it stops its engines.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable

from voiceserver.audio import Samples
from voiceserver.budget import Pressure, Stage, Step, TurnLedger
from voiceserver.commands import CallSettings
from voiceserver.engines.base import (
    Form,
    Hypothesis,
    Message,
    Reminder,
    Shortened,
    SpeechChunk,
    TextItem,
)
from voiceserver.engines.opened import Engines
from voiceserver.errors import VoiceServerError, first
from voiceserver.events import (
    Event,
    FormFilled,
    Outcome,
    ReplyDone,
    ReplyStarted,
    TextDelta,
    ToolCalled,
    Transcript,
)
from voiceserver.languages import answer_language
from voiceserver.reply.answer import Answer, Sink
from voiceserver.reply.drafts import Drafts
from voiceserver.reply.filler import Watched, filler_due
from voiceserver.reply.heard import HeardText
from voiceserver.reply.playout import Outlet
from voiceserver.reply.request import Source
from voiceserver.reply.stages import Stages
from voiceserver.tools import ToolCall

log = logging.getLogger(__name__)

# Who answered, where it was no text model.
CANNED = "canned"
SCRIPT = "script"


class Reply:
    """One reply; ``run`` is its task.

    Args:
        turn: Its number; 0 until ``commit`` for one begun on a guess.
        source: What it answers.
        settings: Of the conversation, as they stand when it begins.
        engines: To call.
        playout: Where the audio goes.
        ledger: Where times are entered.
        now_ns: The session's clock.
        emit: Passes an event to the session, waiting for room.
        conversation: Gives the messages to answer, with words of the user that are
            not among them yet.
        guess: The user's words, as far as they are known before the turn is over.
        fillers_said: In the call so far; another one comes each time.
        language: Of the guess, as far as it was heard; BCP 47.

    Attributes:
        transcript: What the user said; None until it is settled.
        heard: Follows what of the text was synthesized.
        started: Whether ``ReplyStarted`` was emitted.
        fault: The error that made the reply fail or fall back; None if none.
        preface: The filler's words, with which the text begins; no part of the
            answer.
        filled: Whether a filler was said.
        ledger: As given.
    """

    def __init__(
        self,
        turn: int,
        source: Source,
        settings: CallSettings,
        engines: Engines,
        playout: Outlet,
        ledger: TurnLedger,
        now_ns: Callable[[], int],
        emit: Callable[[Event | Reminder], Awaitable[None]],
        conversation: Callable[[str], tuple[Message, ...]],
        guess: str = "",
        fillers_said: int = 0,
        language: str = "",
    ) -> None:
        self.turn = turn
        self.source = source
        self.ledger = ledger
        self.transcript: Hypothesis | None = None
        self.heard = HeardText()
        self.started = False
        self.fault: Exception | None = None
        self.preface = ""
        self.filled = False
        self._settings = settings
        self._engines = engines
        self._playout = playout
        self._now_ns = now_ns
        self._emit = emit
        self._conversation = conversation
        self._guess = guess
        self._fillers_said = fillers_said
        self._guess_language = language
        self._text = ""
        self._shortened = False
        self._stopped = False
        self._drafts = Drafts(ledger, lambda: engines.overload.level, self._drafted)
        self._answer: Answer | None = None
        self._answering = asyncio.Event()
        self._written = asyncio.Event()
        self._sounding = asyncio.Lock()
        self._committed = asyncio.Event()
        if turn:
            self._committed.set()

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

        A recogniser that failed is answered too, with a fixed line, and so is one
        that was waited for aloud, or a voice whose words are not believed: silence
        would be worse.
        """
        latest = self.latest
        heard = self.source.number == 0 or bool(latest.text) or latest.unsure
        return self.source.answer and (heard or self.started or self.fault is not None)

    def commit(self, turn: int, source: Source) -> None:
        """The turn is over: what was begun on a guess becomes its reply."""
        self.turn, self.source = turn, source
        self._committed.set()

    def proceed(self) -> None:
        """The transcript stands in the conversation: it can be answered now."""
        self._written.set()

    def forget_draft(self) -> None:
        """The conversation has changed: an answer that is still held is stale."""
        self._drafts.drop()

    def stop(self) -> None:
        """Say that the task is being cancelled; called just before it is."""
        self._stopped = True

    def strip(self, text: str) -> str:
        """Return what of ``text``, the reply's or a beginning of it, is the answer."""
        return text[len(self.preface) :]

    async def run(self) -> None:
        """Recognise, think and speak; raises nothing but ``CancelledError``."""
        try:
            async with asyncio.TaskGroup() as group:
                guarding = group.create_task(self._guard())
                await self._run(group)
                guarding.cancel()
        finally:
            if self.source.utterance is not None:
                self.source.utterance.close()

    async def _run(self, group: asyncio.TaskGroup) -> None:
        if self._guess:
            self._begin_draft(self._guess, group)
        await self._committed.wait()
        if self.source.number:
            await self._settle_transcript(group)
        if self.answers:
            await self._reply()
        self._drafts.drop()

    async def _settle_transcript(self, group: asyncio.TaskGroup) -> None:
        error = ""
        try:
            hypothesis = await self._recognise(group)
        except Exception as failure:  # noqa: BLE001 - the reply's catch site
            self._raise_if_stopped()
            self.fault = failure
            hypothesis = self.latest
            error = "" if hypothesis.text else _words_for(failure)
        self.transcript = hypothesis
        number = self.source.number
        await self._emit(
            Transcript(
                number,
                hypothesis.text,
                final=True,
                error=error,
                timed=hypothesis.timed,
                language=hypothesis.language,
            )
        )
        # The writer writes it down; asking before that would leave it out.
        await self._written.wait()

    async def _recognise(self, group: asyncio.TaskGroup) -> Hypothesis:
        utterance = self.source.utterance
        if utterance is None:
            raise VoiceServerError("the recogniser was not available")

        def late() -> None:
            partial = utterance.latest
            news = bool(partial.text) and not partial.says(self._drafts.guess)
            if news and self.source.answer:
                self._begin_draft(partial.text, group)

        return await self._stages().recognise(utterance, late)

    def _begin_draft(self, guess: str, group: asyncio.TaskGroup) -> None:
        """Begin an answer to what the user seems to have said."""
        late = self._committed.is_set()
        self._drafts.begin(guess, self._language, group, late)

    def _drafted(self, guess: str, language: str) -> Answer:
        stages = self._stages()
        words = self._ask(
            stages, self._conversation(guess), guess=True, language=language
        )
        budget, silent = self.ledger.config, self.text_only
        return Answer(words, stages, self._sink(), budget, draft=True, silent=silent)

    async def _reply(self) -> None:
        await self._start()
        draft = self._drafts.take(self.latest, self._language)
        if draft is not None:
            self._answer = draft.answer
            self._answering.set()
            self.ledger.speculation = "held"
            draft.answer.release()
            await asyncio.wait({draft.task})
            answer = draft.answer
        else:
            answer = self._answer = self._compose()
            self._answering.set()
            await answer.run()
        self._raise_if_stopped()
        await self._emit(self._done(answer))
        # After ReplyDone: an empty rest ends the playing at once.
        self._playout.finish(self.turn)

    @property
    def _language(self) -> str:
        """In which the turn is to be answered."""
        if not self.source.number and self._committed.is_set():
            return ""  # nobody spoke
        heard = self.latest.language or self._guess_language
        usual = self._engines.recogniser.language
        return answer_language(heard, self._settings.hearing.language, usual)

    async def _start(self) -> None:
        if not self.started:
            self.started = True
            source = self.source
            event = ReplyStarted(self.turn, source.asked)
            await self._emit(event)

    def _compose(self) -> Answer:
        stages = self._stages()
        tight = self.ledger.pressure(Stage.TEXT, self._now_ns()) is not Pressure.OK
        if tight:
            self.ledger.step(Step.SHORT_CLAUSE)
        return Answer(
            self._words(stages, tight),
            stages,
            self._sink(),
            self.ledger.config,
            tight=tight,
            silent=self.text_only,
            exact=self.source.say is not None,
        )

    def _words(self, stages: Stages, tight: bool) -> AsyncGenerator[TextItem, None]:
        if self.source.say is not None:
            self.ledger.answered_by = SCRIPT
            return _once(self.source.say)
        if self.source.number and not self.latest.text:
            self.ledger.answered_by = CANNED
            self.ledger.step(Step.PARDON)
            return _once(self.ledger.config.pardon)
        language = self._language
        return self._ask(stages, self._conversation(""), tight=tight, language=language)

    def _ask(
        self,
        stages: Stages,
        messages: tuple[Message, ...],
        *,
        guess: bool = False,
        tight: bool = False,
        language: str = "",
    ) -> AsyncGenerator[TextItem, None]:
        settings = self._settings
        return stages.text(
            messages,
            settings.instructions,
            settings.max_output_tokens,
            settings.tools,
            self.text_only,
            guess,
            tight,
            self.source.given,
            language,
            settings.route,
        )

    def _stages(self) -> Stages:
        settings = self._settings
        return Stages(
            self._engines,
            settings.voice,
            settings.speed,
            self.ledger.config,
            self.ledger,
            self._now_ns,
        )

    def _sink(self) -> Sink:
        return Sink(
            tell=self._tell,
            n_characters=lambda: len(self._text),
            sounds=lambda: self._playout.answer_begins(self.turn),
            play=self._play,
            step=self.ledger.step,
            heard=self.heard,
            ahead_s=lambda: self._playout.ahead_s,
            left_out=self.ledger.leave_out,
        )

    async def _tell(self, piece: TextItem) -> None:
        match piece:
            case Reminder():
                await self._emit(piece)
            case ToolCall():
                await self._emit(ToolCalled(self.turn, piece))
            case Form(name, intent, slots, stage):
                await self._emit(FormFilled(self.turn, name, intent, slots, stage))
            case Shortened():
                self._shortened = True
            case "":
                pass  # the model is at work
            case str():
                self._text += piece
                await self._emit(TextDelta(self.turn, piece))

    async def _play(self, samples: Samples) -> bool:
        async with self._sounding:  # a filler sounds whole before it
            return await self._playout.put(self.turn, samples)

    async def _guard(self) -> None:
        """Say a filler where the caller would be left in silence."""
        watched = Watched(
            self.ledger,
            self._committed,
            self._answering,
            self._current,
            self._now_ns,
        )
        if self.text_only:
            return  # nobody listens
        if step := await filler_due(watched):
            await self._fill(step)

    def _current(self) -> Answer:
        assert self._answer is not None
        return self._answer

    async def _fill(self, step: Step) -> None:
        stages, said = self._stages(), self._fillers_said
        # Another one each time: the same twice in a row sounds like a machine.
        fillers = [*filter(stages.line_spoken, self.ledger.config.fillers)]
        unanswered = self.transcript is not None and not self.answers
        if not fillers or unanswered or not self.source.answer:
            return
        filler = fillers[said % len(fillers)]
        await self._start()
        async with self._sounding:
            if not (self.spoke or self._stopped):
                self.ledger.step(step)
                await self._say_filler(filler, stages.line_spoken(filler))

    async def _say_filler(self, filler: str, chunks: tuple[SpeechChunk, ...]) -> None:
        # At once, before any word of the answer: in the text, then in sound.
        self.filled, told = True, not self._text
        self.heard.begin(filler if told else "", 0)
        self.heard.add(sum(len(chunk.samples) for chunk in chunks))
        self.heard.end()
        if told:
            self.preface = self._text = f"{filler} "
            await self._emit(TextDelta(self.turn, self.preface))
        for chunk in chunks:
            await self._playout.put(self.turn, chunk.samples)

    def _raise_if_stopped(self) -> None:
        """Take up a lost cancellation; see ``streams.raise_if_cancelled``."""
        if self._stopped:
            raise asyncio.CancelledError

    def _done(self, answer: Answer) -> ReplyDone:
        """The end of the generation, with what came of it."""
        outcome, error = Outcome.COMPLETED, ""
        if answer.fault is not None:
            self.fault = answer.fault
            error = _words_for(answer.fault)
            log.warning("a reply failed", extra={"turn": self.turn, "why": error})
            if answer.canned:
                self.ledger.answered_by = CANNED
            if answer.mute or not answer.canned:
                outcome = Outcome.FAILED
        if self._shortened and outcome is Outcome.COMPLETED:
            outcome = Outcome.SHORTENED
        answered_by = self.ledger.answered_by
        return ReplyDone(self.turn, self._text, outcome, answered_by, error)


async def _once(text: str) -> AsyncGenerator[TextItem, None]:
    yield text


def _words_for(failure: Exception) -> str:
    """What to tell a client; a programming error's text stays inside."""
    error = first(failure)
    return str(error) if isinstance(error, VoiceServerError) else "internal error"
