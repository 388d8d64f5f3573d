"""One attempt at an answer: text is cut into phrases, and each is spoken.

The first clause is thought and its speech begun before anything is told or played:
both wait at a gate. An answer that was begun on a guess is let through when the guess
was right, and otherwise costs nothing but its work. What goes wrong in the text ends
in a fixed line, never in another model's words after words that were told.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from voiceserver.audio import Samples
from voiceserver.budget import Stage, Step
from voiceserver.config import BudgetConfig
from voiceserver.engines.base import SpeechChunk, TextItem
from voiceserver.errors import StageFailed, first
from voiceserver.phrases import FIRST_CLAUSE, TIGHT_CLAUSE, Phrase, PhraseSplitter
from voiceserver.reply.heard import HeardText
from voiceserver.reply.stages import Stages
from voiceserver.streams import raise_if_cancelled

TEXT_TO_SPEECH = 2  # phrases; then the text model waits


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
    """

    tell: Callable[[TextItem], Awaitable[None]]
    n_characters: Callable[[], int]
    sounds: Callable[[], None]
    play: Callable[[Samples], Awaitable[bool]]
    step: Callable[[Step], None]
    heard: HeardText
    ahead_s: Callable[[], float] = lambda: 0.0


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
        self._gate = asyncio.Event()
        if not draft:
            self._gate.set()
        self._through = asyncio.Event()  # its first clause was told
        self._splitter = PhraseSplitter(TIGHT_CLAUSE if tight else FIRST_CLAUSE)
        self._origin = 0  # of its text in all that was told
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
        phrases = self._splitter.push(piece) if isinstance(piece, str) else []
        # What is read is told word by word: no clause is waited for.
        words = self._silent and isinstance(piece, str) and bool(piece.strip())
        if phrases or words or self.worded.is_set():
            await self._pass(phrases)

    async def _pass(self, phrases: list[Phrase]) -> None:
        """Tell what is held, and hand the phrases over."""
        if not self.worded.is_set():
            self.worded.set()
            self._stages.reached(Stage.TEXT)
        if not self._gate.is_set():
            # A draft: its speech begins while it waits.
            await self._hand_over(phrases)
            phrases = []
            await self._gate.wait()
        await self._tell()
        await self._hand_over(phrases)

    async def _tell(self) -> None:
        if not self._through.is_set():
            self._origin = self._sink.n_characters()
        held, self._held = self._held, []
        for piece in held:
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
        try:
            while (phrase := await self._next_phrase()) is not None:
                if self._silent:
                    continue
                if not await self._speak_one(phrase, self._stages.speech(phrase.text)):
                    return
        except Exception as failure:  # noqa: BLE001 - the reply's catch site
            raise_if_cancelled()
            self.fault = self.fault or first(failure)
            self.mute = True
            if self._gate.is_set():
                await self._say_line()

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
        heard, begun = self._sink.heard, False
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
                for word in chunk.words:
                    heard.mark(word.end, word.pts, word.pts_end)
                heard.add(len(chunk.samples))
                if not await self._sink.play(chunk.samples):
                    return False
        if begun:
            heard.end()
        return True

    async def _say_line(self) -> None:
        """The voice is gone: a line that was spoken beforehand is what is left."""
        line = self._budget.lost if self.spoken else self._budget.sorry
        self._writing.cancel()  # what it still tells nobody will hear
        if not self._stages.line_spoken(line):
            return
        self._sink.step(Step.PREPARED)
        self._held.clear()
        self._held.append(f" {line}")
        await self._tell()
        start = self._sink.n_characters() - len(line) - self._origin
        await self._speak_one(Phrase(line, start), self._stages.speech(line))
