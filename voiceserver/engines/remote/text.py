"""A text model that runs in a process of its own: one answer at a time.

An answer is a job of the process. Its pieces come by credit, so that one which nobody
takes stops itself; closing the answer cancels the job, which frees the model within a
step. Knows not what computes it.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from types import TracebackType

from voiceserver.budget import Spent
from voiceserver.engines.base import Shortened, TextItem, TextRequest
from voiceserver.engines.notes import Probable
from voiceserver.engines.providers.services.chat_request import (
    chat_messages,
    tool_fields,
)
from voiceserver.engines.providers.unspoken.unspoken import Unspoken
from voiceserver.errors import EngineFailed, Overloaded, ProviderFailed
from voiceserver.metrics import Metrics
from voiceserver.processes.ipc import Meta
from voiceserver.processes.process import ChildSpec
from voiceserver.processes.supervised import Job, Supervised

CHILD = "voiceserver.engines.remote.child"
CREDIT = 32  # tokens under way, some ten seconds of speech
MAX_WAITING = 16  # answers that wait for the one under way


def text_spec(name: str, core: str, settings: Meta | None = None) -> ChildSpec:
    """Describe the process of a text model, whose core is its own jobs.

    Args:
        name: Of the engine, for messages and metrics.
        core: ``"module:factory"`` of the core.
        settings: What the factory takes.
    """
    return ChildSpec(name, CHILD, {**(settings or {}), "kind": "jobs", "core": core})


class RemoteText:
    """A ``TextModel``; an asynchronous context manager that runs its process.

    Args:
        spec: The process, from ``text_spec``.
        version: Of the model.
        metrics: Counts restarts and late messages.
    """

    def __init__(self, spec: ChildSpec, version: str, metrics: Metrics) -> None:
        self._name = spec.name
        self._version = version
        self._changed = asyncio.Event()
        self._waiting = 0
        self._child = Supervised(
            spec,
            1,
            self._changed.set,
            metrics.restarts.labels(spec.name).inc,
            metrics.dropped.labels("engine_late").inc,
        )

    @property
    def name(self) -> str:
        """Name in ledger and metrics."""
        return self._name

    @property
    def version(self) -> str:
        """Of the model: its name and a digest of its files."""
        return self._version

    @property
    def pid(self) -> int | None:
        """Process id of the model while it is up."""
        return self._child.pid

    async def __aenter__(self) -> RemoteText:
        await self._child.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._child.__aexit__(kind, error, traceback)

    async def ready(self) -> None:
        """Wait until the model is loaded and has read its instructions.

        Raises:
            EngineFailed: If it cannot be started; says why.
        """
        await self._child.ready()

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        """Stream the answer; closing the generator stops the work within a step.

        Raises:
            ProviderFailed: If the model cannot answer, or its process dies.
            Overloaded: If too many answers wait for it already.
        """
        if request.tools.forced or request.tools.choice == "required":
            raise ProviderFailed(
                self._name, "cannot be made to call a function", "refused"
            )
        answer = _Answer(self._name)
        job = await self._begin(request, answer)
        speaking = _Speaking(self._name, request, answer)
        try:
            while (piece := await answer.next()) is not None:
                job.credit(1)
                request.observe(Probable((piece.logprob,)))
                text = speaking.push(piece.text)
                if text or request.life:
                    yield text
        finally:
            job.cancel()
            request.observe(Spent(answer.read, answer.written))
        for item in speaking.end():
            yield item

    async def _begin(self, request: TextRequest, answer: _Answer) -> Job:
        await self._slot()
        asked = {"messages": chat_messages(request), **tool_fields(request.tools)}
        try:
            job = self._child.open(
                {"most": request.max_output_tokens, "credit": CREDIT}, answer
            )
        except EngineFailed as error:
            raise _failed(self._name, str(error)) from error
        job.push(json.dumps(asked).encode())
        job.finish()
        return job

    async def _slot(self) -> None:
        """Wait until the answer under way is over; a dead process is not waited for."""
        if self._child.free or not self._child.slots:
            return
        if self._waiting >= MAX_WAITING:
            raise Overloaded(f"{self._name}: too many answers are waited for")
        self._waiting += 1
        try:
            while self._child.slots and not self._child.free:
                self._changed.clear()
                await self._changed.wait()
        finally:
            self._waiting -= 1


def _failed(engine: str, why: str, kind: str = "error") -> ProviderFailed:
    return ProviderFailed(engine, why.removeprefix(f"{engine}: "), kind)


class _Speaking:
    """What of an answer is to be spoken, and what follows it."""

    def __init__(self, engine: str, request: TextRequest, answer: _Answer) -> None:
        self._engine = engine
        self._life = request.life
        self._answer = answer
        self._offered = [tool.name for tool in request.tools.tools]
        self._unspoken: Unspoken | None = None  # until it is known how it begins
        self._words = False

    def push(self, text: str) -> str:
        if self._unspoken is None:
            self._unspoken = Unspoken(self._engine, self._offered, self._answer.opened)
        return self._told(self._unspoken.push(text))

    def end(self) -> Iterator[TextItem]:
        """Give the rest.

        Raises:
            ProviderFailed: If there was nothing, or it is a call that cannot be made.
        """
        unspoken, cut = self._unspoken, self._answer.cut
        if unspoken is not None and (text := self._told(unspoken.flush(cut))):
            yield text
        calls = unspoken.calls if unspoken is not None else ()
        if not (self._words or calls or (self._life and self._answer.written)):
            raise ProviderFailed(self._engine, "its answer was empty", "refused")
        yield from calls
        if cut:
            yield Shortened()

    def _told(self, text: str) -> str:
        self._words = self._words or bool(text.strip())
        return text


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    logprob: float


class _Answer:
    """What came of an answer and was not taken yet; bounded by its credit.

    Attributes:
        read: Tokens of the prompt.
        written: Tokens of the answer.
        opened: It begins within a thought.
        cut: It ended for its length.
    """

    def __init__(self, engine: str) -> None:
        self.read = self.written = 0
        self.opened = self.cut = False
        self._engine = engine
        self._pieces: deque[_Piece] = deque()
        self._over = False
        self._error: ProviderFailed | None = None
        self._news = asyncio.Event()

    def item(self, meta: Meta, body: bytes) -> None:
        """Take a token, or how far the prompt is read."""
        read, logprob = meta.get("read"), meta.get("logprob")
        if isinstance(read, int):
            self.read = read
            self.opened = bool(meta.get("opened"))
        if isinstance(logprob, int | float):
            self.written += 1
            self._pieces.append(_Piece(body.decode("utf-8", "replace"), logprob))
            self._news.set()

    def ended(self, meta: Meta, body: bytes) -> None:
        """The answer is complete, or there is none to what was asked."""
        self.cut = bool(meta.get("cut"))
        self._over = True
        if why := meta.get("refused"):
            self._error = _failed(self._engine, str(why), "refused")
        self._news.set()

    def failed(self, why: str) -> None:
        """The model could not go on."""
        self._error = _failed(self._engine, why)
        self._news.set()

    def lost(self, why: str) -> None:
        """The process died."""
        self.failed(why)

    async def next(self) -> _Piece | None:
        """Wait for the next piece; None at the end.

        Raises:
            ProviderFailed: If the model could not go on.
        """
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._over:
                return None
            self._news.clear()
            await self._news.wait()
        return self._pieces.popleft()
