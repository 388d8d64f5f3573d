"""A share of finished answers is asked of a candidate too, which nobody hears.

After the caller's answer is complete, one at a time, redacted, without functions, with
a day's money of its own, and not at all while the server is busy: what waits is
dropped. Keeps numbers and who was better; no text.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Protocol

from voiceserver.engines.base import Message, TextItem, TextModel, TextRequest
from voiceserver.engines.notes import Answering, Note
from voiceserver.engines.watch.backlog import Backlog
from voiceserver.engines.watch.reading import Reading, read_whole
from voiceserver.engines.watch.redaction import redacted
from voiceserver.engines.watch.standings import Compared, line
from voiceserver.engines.watch.verdict import Verdict, by_sight, judged, question
from voiceserver.metrics import Metrics
from voiceserver.tools import NO_TOOLS

log = logging.getLogger(__name__)

LEAST_USD = 1e-9  # less is what adding up leaves of nothing
WAITING = 8  # finished answers that wait for the candidate
LIMIT_S = 30.0  # of one answer of a candidate or a judge
MESSAGES = 12  # newest of a conversation that a candidate is sent


class Priced(TextModel, Protocol):
    """A ``TextModel`` that says what an answer can cost."""

    def at_most_usd(self, request: TextRequest) -> float:
        """The most that an answer to a request can cost, in USD."""


@dataclass(frozen=True, slots=True)
class Live:
    """An answer that a caller got.

    Attributes:
        request: What was asked.
        text: What was answered.
        by: Who answered.
        first_ms: To the first words.
        cost_usd: Of it.
    """

    request: TextRequest
    text: str
    by: str
    first_ms: float
    cost_usd: float


class Shadow(Backlog[Live]):
    """Candidates and their record; an asynchronous context manager that asks them.

    Args:
        candidates: Name and model of each; one is drawn for each answer.
        judge: Decides where nothing can be seen; None leaves a tie.
        share: Of finished answers, 0..1.
        limit_usd: Of a day, candidates and judge together; 0 is none. Nobody is asked
            whose answer could cost more than is left of it.
        path: File of the record; lines are added.
        metrics: Counts what becomes of them.
        busy: Whether the server has no room for them.
        rng: Draws.
        today: The day it is.
    """

    def __init__(
        self,
        candidates: Sequence[tuple[str, Priced]],
        judge: Priced | None,
        share: float,
        limit_usd: float,
        path: Path,
        metrics: Metrics,
        busy: Callable[[], bool],
        rng: random.Random,
        today: Callable[[], date] = date.today,
    ) -> None:
        super().__init__(WAITING, self._compare)
        self._candidates = list(candidates)
        self._judge = judge
        self._share = share
        self._limit_usd = limit_usd
        self._path = path
        self._metrics = metrics
        self._busy = busy
        self._rng = rng
        self._today = today
        self._day = today()
        self._spent_usd = 0.0

    def drawn(self) -> bool:
        """Whether the answer that begins now is one of the share."""
        return self._rng.random() < self._share

    def offer(self, live: Live) -> None:
        """Take a finished answer; never waits."""
        if self._busy():
            self._count("dropped")
        elif self._affords(0.0):
            if self.full:
                self._count("dropped")
            self.add(live)
        else:
            self._count("unpaid")

    def _affords(self, usd: float) -> bool:
        """Whether there is money left, and as much as that."""
        if self._day != self._today():
            self._day, self._spent_usd = self._today(), 0.0
        left_usd = self._limit_usd - self._spent_usd
        return not self._limit_usd or left_usd >= max(usd, LEAST_USD)

    def _count(self, end: str) -> None:
        self._metrics.shadow_answers.labels(end).inc()

    async def _compare(self, live: Live) -> None:
        if self._busy():
            self._count("dropped")
            return
        name, model = self._rng.choice(self._candidates)
        request = _shadowed(live.request)
        if not self._affords(model.at_most_usd(request)):
            self._count("unpaid")
            return
        answer = await self._ask(model, request)
        failed = answer.failure is not None
        said = "" if failed else answer.text
        verdict: Verdict | None = by_sight(live.text, said)
        by = "sight"
        if verdict == "tie" and self._judge is not None and not failed:
            verdict = await self._judged(self._judge, request, live, said)
            by = "judge"
        if verdict is None:
            self._count("unpaid")
            return
        self._count("failed" if failed else verdict)
        compared = Compared(
            name,
            model.version,
            live.by,
            verdict,
            by,
            answer.first_ms,
            live.first_ms,
            answer.cost_usd,
            live.cost_usd,
            failed,
        )
        try:
            await asyncio.to_thread(_append, self._path, line(compared))
        except OSError as error:
            log.warning(
                "the record of shadow answers cannot be written",
                extra={"why": error.strerror},
            )

    async def _ask(self, model: Priced, request: TextRequest) -> Reading:
        reading = await read_whole(model, request, LIMIT_S)
        self._spent_usd += reading.cost_usd
        return reading

    async def _judged(
        self, judge: Priced, request: TextRequest, live: Live, said: str
    ) -> Verdict | None:
        """What the judge says; None if there is not money left for both questions."""
        asked = request.messages[-1].text
        theirs, mine = redacted(live.text), redacted(said)
        both = question(asked, theirs, mine), question(asked, mine, theirs)
        if not self._affords(sum(map(judge.at_most_usd, both))):
            return None
        live_first, candidate_first = [await self._ask(judge, one) for one in both]
        return judged(live_first.text, candidate_first.text)


class WithShadow:
    """A ``TextModel`` of whose finished answers a share is offered to candidates.

    Args:
        model: Answers.
        shadow: Takes the share.
    """

    def __init__(self, model: TextModel, shadow: Shadow) -> None:
        self._model = model
        self._shadow = shadow

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def version(self) -> str:
        """The model's."""
        return self._model.version

    def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        """Answer as the model does.

        Raises:
            EngineFailed: As the model does.
        """
        if request.life or not self._shadow.drawn():
            return self._model.reply(request)
        return self._offered(request)

    async def _offered(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        by, reading = self._model.name, Reading()

        def observe(note: Note) -> None:
            nonlocal by
            if isinstance(note, Answering):
                by = note.name
            reading.note(note)
            request.observe(note)

        async with aclosing(
            self._model.reply(replace(request, observe=observe))
        ) as items:
            async for item in items:
                reading.take(item)
                yield item
        if reading.only_text and reading.first_ms is not None:
            first_ms, cost_usd = reading.first_ms, reading.cost_usd
            self._shadow.offer(Live(request, reading.text, by, first_ms, cost_usd))


def _shadowed(request: TextRequest) -> TextRequest:
    """The request as a candidate gets it: redacted, and with no functions to call."""
    messages = tuple(
        Message(one.role, redacted(one.text))
        for one in request.messages[-MESSAGES:]
        if one.role in ("user", "assistant") and one.text
    )
    return TextRequest(
        messages,
        request.instructions,
        max_output_tokens=request.max_output_tokens,
        tools=NO_TOOLS,
        hedge=False,
    )


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as record:
        record.write(text)
