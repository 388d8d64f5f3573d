"""One attempt at an answer: text is cut into phrases, and each is spoken.

The first clause is thought and its speech begun before anything is told or played:
both wait at a gate. An answer that was begun on a guess is let through when the guess
was right, and otherwise costs nothing but its work. What goes wrong in the text ends
in a fixed line, never in another model's words after words that were told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from voiceserver.audio import Samples
from voiceserver.budget import Stage, Step
from voiceserver.config import BudgetConfig
from voiceserver.engines.base import SpeechChunk, TextItem
from voiceserver.errors import EngineFailed, StageFailed, first
from voiceserver.phrases import FIRST_CLAUSE, TIGHT_CLAUSE, Phrase, PhraseSplitter
from voiceserver.reply.heard import HeardText
from voiceserver.reply.stages import Stages
from voiceserver.streams import raise_if_cancelled
from voiceserver.tools import ToolCall

log = logging.getLogger(__name__)

TEXT_TO_SPEECH = 2  # phrases; then the text model waits
FAILED_IN_A_ROW = 2  # phrases; then the voice is gone


@dataclass(frozen=True, slots=True)
class Sink:
    """Where an answer goes once it is let through.

    Attributes:
        tell: Takes the next words, or a reminder.
        n_characters: Returns how many were told so far.
        sounds: Told that the first audio of the answer comes next.
        play: Takes audio; returns False once the turn is over.
        step: Takes a rung of a ladder.
        heard: Follows what is spoken.
        ahead_s: Returns how many seconds of what was played have not sounded yet.
        left_out: Takes how many more characters of what was told are not spoken.
    """

    tell: Callable[[TextItem], Awaitable[None]]
    n_characters: Callable[[], int]
    sounds: Callable[[], None]
    play: Callable[[Samples], Awaitable[bool]]
    step: Callable[[Step], None]
    heard: HeardText
    ahead_s: Callable[[], float] = lambda: 0.0
    left_out: Callable[[int], None] = lambda _n: None


class Answer:
    """An answer being made; ``run`` makes it.

    Args:
        words: Its text; owned.
        stages: Speaks.
        sink: Where it goes.
        budget: The lines to say when it fails.
        draft: Hold it until ``release``.
        tight: Begin with a shorter clause: time is short.
        silent: It is read, not heard.
        exact: A client gave its words: where they have no sound, none is made.

    Attributes:
        worded: Set when the first clause is there.
        sounded: Set when its first audio is there.
        fault: What went wrong first; None if nothing did.
        mute: Whether it was the voice that failed.
        spoken: Whether any of it was played.
        canned: Whether a fixed line took its place before a word was told.
    """

    def __init__(
        self,
        words: AsyncGenerator[TextItem, None],
        stages: Stages,
        sink: Sink,
        budget: BudgetConfig,
        *,
        draft: bool = False,
        tight: bool = False,
        silent: bool = False,
        exact: bool = False,
    ) -> None:
        self.worded = asyncio.Event()
        self.sounded = asyncio.Event()
        self.fault: Exception | None = None
        self.mute = self.spoken = self.canned = False
        self._words = words
        self._stages = stages
        self._sink = sink
        self._budget = budget
        self._silent = silent
        self._exact = exact
        self._gate = asyncio.Event()
        if not draft:
            self._gate.set()
        self._through = asyncio.Event()  # its first clause was told
        self._splitter = PhraseSplitter(TIGHT_CLAUSE if tight else FIRST_CLAUSE)
        self._origin = 0  # of its text in all that was told
        self._told = self._calls = False  # words, calls of functions
        self._held: list[TextItem] = []  # up to the end of the first clause
        self._phrases: asyncio.Queue[Phrase | None] = asyncio.Queue(TEXT_TO_SPEECH)

    @property
    def dead(self) -> bool:
        """Whether it failed before it was let through: of no use any more."""
        return self.fault is not None and not self._gate.is_set()

    def release(self) -> None:
        """Let it through."""
        self._gate.set()

    def abandon(self) -> None:
        """It is of no use; its task is about to be cancelled."""
        self._stages.abandon()

    async def run(self) -> None:
        """Make it. What goes wrong is in ``fault``; raises only ``CancelledError``."""
        async with asyncio.TaskGroup() as group:
            self._writing = group.create_task(self._write())
            await self._speak()
            self._writing.cancel()

    async def _write(self) -> None:
        try:
            async with aclosing(self._words) as words:
                async for piece in words:
                    await self._take(piece)
            await self._pass(self._splitter.flush())
        except Exception as failure:  # noqa: BLE001 - the reply's catch site
            raise_if_cancelled()
            self.fault = first(failure)
            if self._gate.is_set():
                await self._break_off()
        await self._phrases.put(None)

    async def _take(self, piece: TextItem) -> None:
        self._held.append(piece)
        phrases: list[Phrase] = []
        if isinstance(piece, str):
            phrases = self._splitter.push(piece, self._stages.clause_is_late())
        # What is read is told word by word: no clause is waited for.
        words = self._silent and isinstance(piece, str) and bool(piece.strip())
        if phrases or words or self.worded.is_set():
            await self._pass(phrases)

    async def _pass(self, phrases: list[Phrase]) -> None:
        """Tell what is held, and hand the phrases over."""
        if not self.worded.is_set():
            self.worded.set()
            self._stages.reached(Stage.TEXT)
            if phrases and self._stages.mute and not (self._silent or self._exact):
                phrases = [self._only_shown(), *phrases]
        if not self._gate.is_set():
            # A draft: its speech begins while it waits.
            await self._hand_over(phrases)
            phrases = []
            await self._gate.wait()
        await self._tell()
        await self._hand_over(phrases)

    def _only_shown(self) -> Phrase:
        """No voice has the language of the answer: that is said first, in ours."""
        self._sink.step(Step.UNSPOKEN)
        self._held.insert(0, f"{self._budget.unspoken} ")
        return Phrase(self._budget.unspoken, 0)

    async def _tell(self) -> None:
        if not self._through.is_set():
            self._origin = self._sink.n_characters()
        held, self._held = self._held, []
        for piece in held:
            self._told = self._told or (isinstance(piece, str) and bool(piece.strip()))
            self._calls = self._calls or isinstance(piece, ToolCall)
            await self._sink.tell(piece)
        self._through.set()

    async def _hand_over(self, phrases: list[Phrase]) -> None:
        for phrase in phrases:
            await self._phrases.put(phrase)

    async def _break_off(self) -> None:
        """The text came to nothing or broke off: say so in a fixed line.

        What was said already is said to its end; words of an unfinished clause are
        left out.
        """
        begun = self.worded.is_set()
        self.canned = not begun
        self._sink.step(Step.CUT_OFF if begun else Step.CANNED)
        self._held.clear()
        if not begun:
            self.worded.set()
        await self._phrases.put(await self._line())

    async def _line(self) -> Phrase:
        """Tell a fixed line; return it as a phrase."""
        line = self._budget.sorry if not self._through.is_set() else self._budget.lost
        follows = self._sink.n_characters()
        self._held.append(f" {line}" if follows else line)
        await self._tell()
        return Phrase(line, self._sink.n_characters() - len(line) - self._origin)

    async def _speak(self) -> None:
        """Speak the phrases; what cannot be spoken of them is passed over."""
        failure: Exception | None = None
        in_a_row = 0
        while (phrase := await self._next_phrase()) is not None:
            if self._silent:
                continue
            failed, over = await self._try(phrase)
            if failure is not None and failed is None:
                self._sink.step(Step.PASSED_OVER)
            if over:
                return
            in_a_row = in_a_row + 1 if failed else 0
            failure = failed
            if failed and (in_a_row == FAILED_IN_A_ROW or not self._gate.is_set()):
                break
        if self._silent:
            return
        self._sink.left_out(self._splitter.left_out)
        if failure is not None:
            await self._fall_silent(failure)
        elif self._told and not (self.spoken or self._calls or self._exact):
            await self._say_unspoken()

    async def _try(self, phrase: Phrase) -> tuple[Exception | None, bool]:
        """Speak a phrase; returns what went wrong, and whether the turn is over."""
        try:
            alive = await self._speak_one(
                phrase, self._stages.speech(phrase.text, self._sink.ahead_s())
            )
        except Exception as failure:  # noqa: BLE001 - the reply's catch site
            raise_if_cancelled()
            kind = type(first(failure)).__name__
            log.warning("a phrase could not be spoken", extra={"kind": kind})
            return first(failure), False
        return None, not alive

    async def _fall_silent(self, failure: Exception) -> None:
        """The voice is gone, or the last words were what it could not say."""
        self.fault = self.fault or failure
        self.mute = True
        if self._gate.is_set():
            lost = self._budget.lost if self.spoken else self._budget.sorry
            await self._say_line(lost)

    async def _say_unspoken(self) -> None:
        """It was an answer, and nothing of it can be said: that is said."""
        self._sink.step(Step.UNSPOKEN)
        line = self._budget.unspoken
        self._held.append(f" {line}")
        await self._tell()
        start = self._sink.n_characters() - len(line) - self._origin
        failed, _ = await self._try(Phrase(line, start))
        if failed is not None or not self.spoken:
            error = EngineFailed("speech", "the voice gives no sound")
            await self._fall_silent(failed or error)

    async def _next_phrase(self) -> Phrase | None:
        if self._phrases.empty():
            self._stages.sounds_for(self._sink.ahead_s())
        phrase = await self._phrases.get()
        self._stages.sounding()
        return phrase

    async def _speak_one(
        self, phrase: Phrase, stream: AsyncGenerator[SpeechChunk, None]
    ) -> bool:
        """Speak a phrase; returns False once the turn is over."""
        heard, begun, left_out = self._sink.heard, False, 0
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                if not np.isfinite(chunk.samples).all():
                    raise StageFailed(Stage.SPEECH.value, "speech: not finite")
                self._stages.reached(Stage.SPEECH)
                self.sounded.set()
                await self._through.wait()
                if not begun:
                    begun = True
                    heard.begin(phrase.text, phrase.start + self._origin)
                if not self.spoken:
                    self.spoken = True
                    self._sink.sounds()
                left_out += chunk.left_out
                for word in chunk.words:
                    heard.mark(word.end, word.pts, word.pts_end)
                heard.add(len(chunk.samples))
                if not await self._sink.play(chunk.samples):
                    return False
        if begun:
            heard.end()
        else:
            left_out = sum(map(str.isalnum, phrase.text))
        self._sink.left_out(left_out)
        return True

    async def _say_line(self, line: str) -> None:
        """The voice is gone: a line that was spoken beforehand is what is left."""
        self._writing.cancel()  # what it still tells nobody will hear
        if not self._stages.line_spoken(line):
            return
        self._sink.step(Step.PREPARED)
        self._held.clear()
        self._held.append(f" {line}")
        await self._tell()
        start = self._sink.n_characters() - len(line) - self._origin
        await self._speak_one(Phrase(line, start), self._stages.speech(line))
