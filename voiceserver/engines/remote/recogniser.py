"""A recogniser whose cores run in processes of their own.

An utterance leases a place in a process from its first audio to its end; how many a
process has, its core says. It keeps its audio: if its process dies, it is decoded again
by the next one with a place, and whoever waits for it notices nothing but the time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType

from voiceserver.audio import MIC_RATE, Samples, to_int16
from voiceserver.engines.base import Hypothesis
from voiceserver.errors import EngineFailed, Overloaded
from voiceserver.metrics import Metrics
from voiceserver.processes.ipc import Meta
from voiceserver.processes.jobs import Job
from voiceserver.processes.process import ChildSpec
from voiceserver.processes.supervised import Supervised

CHILD = "voiceserver.engines.remote.child"
MAX_UTTERANCE_S = 60  # kept of one utterance; what came before is dropped and counted
MAX_DECODED_S = 600  # by one process; then it is begun anew with what is kept
MAX_WAITING = 16  # utterances that wait for a process
# Bytes of int16 sent at a time, 60 ms. What has not been sent when the user's turn
# ends is decoded while everybody waits, at some 0.4 of its duration.
BLOCK = 2 * MIC_RATE * 60 // 1000
WINDOW = 2 * MIC_RATE * 2  # bytes sent and not yet decoded: 2 s
# An utterance that kills three processes is not tried again. The last time it has the
# process to itself: those that shared it before were not to blame.
REPLAYS = 2


def recogniser_spec(name: str, core: str, settings: Meta | None = None) -> ChildSpec:
    """Describe the process of a recogniser core.

    Args:
        name: Of the engine, for messages and metrics.
        core: ``"module:factory"`` of the core.
        settings: What the factory takes.
    """
    return ChildSpec(
        name, CHILD, {**(settings or {}), "kind": "recogniser", "core": core}
    )


class RemoteRecogniser:
    """A ``Recogniser``; an asynchronous context manager that runs its processes.

    Args:
        spec: One process, from ``recogniser_spec``.
        processes: How many.
        metrics: Counts restarts, late messages and audio beyond the longest utterance.
    """

    def __init__(self, spec: ChildSpec, processes: int, metrics: Metrics) -> None:
        self._name = spec.name
        self._metrics = metrics
        self._language = ""
        self._waiting: deque[RemoteUtterance] = deque()
        self._alone: dict[Supervised, RemoteUtterance] = {}  # in its last try
        self._children = tuple(
            Supervised(
                spec,
                1,
                self._lease,
                metrics.restarts.labels(spec.name).inc,
                metrics.dropped.labels("engine_late").inc,
            )
            for _ in range(processes)
        )
        self._stack = AsyncExitStack()
        self._closed = False

    @property
    def name(self) -> str:
        """Name in ledger and metrics."""
        return self._name

    @property
    def language(self) -> str:
        """What its core writes down; ``""`` before it is ready."""
        return self._language

    @property
    def pids(self) -> Sequence[int]:
        """Ids of the processes that are up."""
        return [child.pid for child in self._children if child.pid is not None]

    @property
    def waiting(self) -> int:
        """Utterances that wait for a place."""
        return len(self._waiting)

    async def __aenter__(self) -> RemoteRecogniser:
        for child in self._children:
            await self._stack.enter_async_context(child)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed = True
        while self._waiting:
            self._waiting.popleft().refuse("the server ends")
        await self._stack.__aexit__(kind, error, traceback)

    async def ready(self) -> None:
        """Wait until every core is warmed up.

        Raises:
            EngineFailed: If one cannot be started; says why.
        """
        for child in self._children:
            await child.ready()
            self._language = str(child.about.get("language", self._language))

    def open(self) -> RemoteUtterance:
        """Begin an utterance; it waits with its audio if no place is free.

        Raises:
            Overloaded: If too many are waiting already.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise Overloaded(f"{self._name}: too many utterances are waiting")
        utterance = RemoteUtterance(self)
        self.queue(utterance)
        return utterance

    def queue(self, utterance: RemoteUtterance, first: bool = False) -> None:
        """Let an utterance wait for a place; one that lost its own goes first."""
        if self._closed:
            utterance.refuse("the server ends")
        elif first:
            self._waiting.appendleft(utterance)
        else:
            self._waiting.append(utterance)
        self._lease()

    def forget(self, utterance: RemoteUtterance) -> None:
        """Let an utterance wait no longer."""
        if utterance in self._waiting:
            self._waiting.remove(utterance)

    def dropped(self, samples: int) -> None:
        """Count audio beyond the longest utterance."""
        self._metrics.dropped.labels("utterance").inc(samples)

    def _lease(self) -> None:
        while self._waiting:
            utterance = self._waiting[0]
            child = max(self._children, key=self._places)
            if utterance.last_try:
                child = next((each for each in self._children if each.idle), child)
                if not child.idle:
                    return  # and nobody else before it, or that would never be
                self._alone[child] = utterance
            elif not self._places(child):
                return
            self._waiting.popleft()
            utterance.leased(child.open({}, utterance))

    def _places(self, child: Supervised) -> int:
        """How many utterances may still be given to a process."""
        holder = self._alone.get(child)
        return 0 if holder is not None and holder.decoding else child.free


class RemoteUtterance:
    """An ``Utterance`` and the ``JobSink`` of its job."""

    def __init__(self, pool: RemoteRecogniser) -> None:
        self._pool = pool
        self._audio = bytearray()  # int16, all of it: for the replay
        self._sent = 0  # bytes, to the process that has it now
        self._decoded = 0  # of those
        self._gone = 0  # of those, no longer kept
        self._complete = False  # no more audio comes
        self._told = False  # the process knows that
        self._job: Job | None = None
        self._latest = Hypothesis()
        self._before_loss = Hypothesis()
        self._losses = 0
        self._over = asyncio.Event()
        self._why = ""  # it failed

    @property
    def latest(self) -> Hypothesis:
        """The newest hypothesis, ready at once."""
        return self._latest

    @property
    def last_try(self) -> bool:
        """Whether the next process that dies under it is its last."""
        return self._losses == REPLAYS

    @property
    def decoding(self) -> bool:
        """Whether it has a place in a process."""
        return self._job is not None

    def push(self, samples: Samples) -> None:
        """Add audio, 16 kHz; ignored once it is complete or closed."""
        if self._complete or self._over.is_set():
            return
        self._audio += to_int16(samples).tobytes()
        self._pump()
        self._forget_oldest()
        if self._job is not None and self._sent > 2 * MAX_DECODED_S * MIC_RATE:
            job, self._job = self._job, None
            job.cancel()
            self._pool.queue(self, first=True)

    def _forget_oldest(self) -> None:
        """Keep the newest: a question is at the end. What was decoded is no loss."""
        beyond = len(self._audio) - 2 * MAX_UTTERANCE_S * MIC_RATE
        if beyond <= 0:
            return
        del self._audio[:beyond]
        unsent = max(0, beyond - (self._sent - self._gone))
        self._gone += beyond - unsent
        if unsent:
            self._pool.dropped(unsent // 2)

    async def final(self) -> Hypothesis:
        """Say that no more audio comes and wait for the final hypothesis.

        May be cancelled and called again.

        Raises:
            EngineFailed: If the recogniser could not give one, or it was closed.
        """
        if not self._complete:
            self._complete = True
            self._pump()
        await self._over.wait()
        if self._why:
            raise EngineFailed(self._pool.name, self._why)
        return self._latest

    def close(self) -> None:
        """Stop the work and give the process back; may be called at any time."""
        if not self._over.is_set():
            self.refuse("the utterance was closed")

    def refuse(self, why: str) -> None:
        """End without a result."""
        self._pool.forget(self)
        job, self._job = self._job, None
        if job is not None:
            job.cancel()
        self._fail(why)

    def leased(self, job: Job) -> None:
        """A process is ours: decode from the beginning."""
        self._job = job
        self._sent = self._decoded = self._gone = 0
        self._told = False
        self._pump()

    def item(self, meta: Meta, body: bytes) -> None:
        """Take a partial, and the leave to send more."""
        decoded = meta.get("decoded")
        self._decoded = 2 * decoded if isinstance(decoded, int) else self._sent
        if "complete" in meta:
            self._latest = read(meta, body, final=False)
        self._pump()

    def ended(self, meta: Meta, body: bytes) -> None:
        """Take the final hypothesis."""
        self._job = None
        self._latest = read(meta, body, final=True)
        self._audio.clear()
        self._over.set()

    def failed(self, why: str) -> None:
        """The core could not go on."""
        self._job = None
        self._fail(why)

    def lost(self, why: str) -> None:
        """The process died: wait for another one, ahead of all others."""
        self._job = None
        self._losses += 1
        # It covers only the beginning: whoever needs words soon must not settle for
        # it, as they would for a partial that the final merely corrects.
        if self._latest.text:
            self._before_loss, self._latest = self._latest, Hypothesis()
        if self._losses > REPLAYS:
            self._fail(why)
        else:
            self._pool.queue(self, first=True)

    def _fail(self, why: str) -> None:
        self._why = why.removeprefix(f"{self._pool.name}: ")
        if not self._latest.text:
            self._latest = self._before_loss
        self._audio.clear()
        self._over.set()

    def _pump(self) -> None:
        """Send what there is: whole blocks, the rest at the end, within the window."""
        job = self._job
        if job is None:
            return
        least = 1 if self._complete else BLOCK
        at = self._sent - self._gone
        while len(self._audio) - at >= least and self._sent - self._decoded < WINDOW:
            end = min(at + BLOCK, len(self._audio))
            job.push(bytes(self._audio[at:end]))
            self._sent += end - at
            at = end
        if self._complete and not self._told and at == len(self._audio):
            self._told = True
            job.finish()


def read(meta: Meta, body: bytes, final: bool) -> Hypothesis:
    """Read a hypothesis as ``recogniser_child.written`` writes it."""
    size = meta.get("text")
    at = size if isinstance(size, int) else len(body)
    text = body[:at].decode("utf-8", "replace")
    words = text if size is None else body[at:].decode("utf-8", "replace")
    return Hypothesis(text, final, bool(meta.get("complete")), words)
