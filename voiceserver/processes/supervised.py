"""A child process that is kept running, and its jobs: who asked what, in which slot.

The child is started, watched, started again, stopped; when it is started again is the
choice of ``restarts``. A job is one call of an engine. It has a slot, which bounds how
many run at once, and a generation number that no other job of the child's life has. It
ends by exactly one message of the child (END, FAILED, LOST or CANCELLED) or with the
child, and only that frees the slot: an answer can never reach a job that took the place
of its own. While the child is down new jobs are refused. What it computes is its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from voiceserver.errors import EngineFailed
from voiceserver.processes import ipc
from voiceserver.processes.ipc import Kind, Message, Meta
from voiceserver.processes.process import (
    ChildSpec,
    Process,
    StartFailed,
    start_process,
)
from voiceserver.processes.restarts import keep_running

log = logging.getLogger(__name__)

# A child that does not acknowledge a cancel within this hangs inside one step.
CANCEL_LIMIT_S = 5.0


class JobSink(Protocol):
    """Whoever asked is told by these, at once; after one of the last three no more.

    A cancelled job tells nothing further.
    """

    def item(self, meta: Meta, body: bytes) -> None:
        """Take a piece of output."""

    def ended(self, meta: Meta, body: bytes) -> None:
        """The job is done; take its last result."""

    def failed(self, why: str) -> None:
        """The engine could not do it."""

    def lost(self, why: str) -> None:
        """What did the job died; it may be asked of another one."""


class Job:
    """A running job; every method is harmless once it has ended."""

    def __init__(self, jobs: Jobs, slot: int, generation: int, sink: JobSink) -> None:
        self.slot = slot
        self.generation = generation
        self.sink: JobSink | None = sink  # None once cancelled or ended
        self.watchdog: asyncio.TimerHandle | None = None
        self._jobs = jobs

    def push(self, body: bytes) -> None:
        """Send input, in as many messages as it takes."""
        for at in range(0, len(body), ipc.MAX_BODY):
            self._send(Kind.PUSH, {}, body[at : at + ipc.MAX_BODY])

    def note(self, meta: Meta) -> None:
        """Tell something about the input so far."""
        self._send(Kind.NOTE, meta)

    def finish(self) -> None:
        """Say that the input is complete."""
        self._send(Kind.FINISH)

    def credit(self, items: int) -> None:
        """Allow so many more items."""
        self._send(Kind.CREDIT, {"items": items})

    def cancel(self) -> None:
        """Stop the work; the sink hears nothing any more from this moment."""
        if self.sink is not None:
            self._send(Kind.CANCEL)
            self.sink = None
            self._jobs.cancelling(self)

    def _send(self, kind: Kind, meta: Meta | None = None, body: bytes = b"") -> None:
        if self.sink is not None:
            self._jobs.send(Message(kind, self.slot, self.generation, meta or {}, body))


class Jobs:
    """The jobs of one child, for the time of its life.

    Args:
        send: Sends a message to the child.
        slots: How many jobs it takes at once.
        freed: Called when a slot became free.
        late: Called for each message that comes for no living job.
        hung: Called if a cancel is not acknowledged in time; kills the child.
        cancel_limit_s: That time.

    Attributes:
        slots: As given.
    """

    def __init__(
        self,
        send: Callable[[Message], None],
        slots: int,
        freed: Callable[[], None],
        late: Callable[[], None],
        hung: Callable[[], None],
        cancel_limit_s: float = CANCEL_LIMIT_S,
    ) -> None:
        self.send = send
        self.slots = slots
        self._free = list(range(slots - 1, -1, -1))
        self._running: dict[int, Job] = {}  # by slot
        self._generation = 0
        self._freed = freed
        self._late = late
        self._hung = hung
        self._cancel_limit_s = cancel_limit_s
        self._loop = asyncio.get_running_loop()

    @property
    def free(self) -> int:
        """How many more jobs may be opened now."""
        return len(self._free)

    @property
    def idle(self) -> bool:
        """Whether no job runs, nor waits for its cancel to be acknowledged."""
        return not self._running

    def open(self, name: str, meta: Meta, sink: JobSink) -> Job:
        """Begin a job.

        Raises:
            EngineFailed: If every slot is taken, or ``meta`` is beyond its bound.
        """
        if not self._free:
            raise EngineFailed(name, "too many calls of it at once")
        generation = self._generation % ipc.MAX_GENERATION + 1
        job = Job(self, self._free[-1], generation, sink)
        try:
            self.send(Message(Kind.OPEN, job.slot, generation, meta))
        except ValueError as error:  # nothing was sent: its slot is still free
            raise EngineFailed(name, str(error)) from error
        self._generation = generation
        self._running[self._free.pop()] = job
        return job

    def cancelling(self, job: Job) -> None:
        """A job waits for its cancel to be acknowledged."""
        job.watchdog = self._loop.call_later(self._cancel_limit_s, self._hung)

    def receive(self, message: Message) -> None:
        """Take a message of the child."""
        job = self._running.get(message.slot)
        if job is None or job.generation != message.generation:
            self._late()
            return
        if message.kind is not Kind.ITEM:
            self._release(job)
        sink = job.sink
        if sink is None:
            # Between the cancel and its acknowledgement.
            if message.kind is Kind.ITEM:
                self._late()
            return
        if message.kind is Kind.ITEM:
            sink.item(message.meta, message.body)
            return
        job.sink = None
        why = str(message.meta.get("why", "no reason given"))
        if message.kind is Kind.END:
            sink.ended(message.meta, message.body)
        elif message.kind is Kind.LOST:
            sink.lost(why)
        else:
            sink.failed(why)

    def lost(self, why: str) -> None:
        """The child died: so did every job."""
        jobs, self._running = list(self._running.values()), {}
        self._free.clear()
        for job in jobs:
            sink, job.sink = job.sink, None
            if job.watchdog is not None:
                job.watchdog.cancel()
            if sink is not None:
                sink.lost(why)

    def _release(self, job: Job) -> None:
        if job.watchdog is not None:
            job.watchdog.cancel()
        del self._running[job.slot]
        self._free.append(job.slot)
        # Later: the sink is told of its end before somebody else takes the slot.
        self._loop.call_soon(self._freed)


def _nothing() -> None:
    pass


class Supervised:
    """One child and its jobs. An asynchronous context manager: leaving it stops both.

    Entering returns at once; ``ready`` waits for the warm-up, so that several may
    start side by side.

    Args:
        spec: What to run.
        slots: How many jobs it takes at once, where it does not say so itself: as
            ``slots``, in what it tells of its engine when it is ready.
        changed: Called when a slot became free, and when the child came up, died or
            failed to start.
        restarted: Called when the child is started again after a crash.
        late: Called for each message of a job that is no more.
        cancel_limit_s: Longest wait for a cancel to be acknowledged.
    """

    def __init__(
        self,
        spec: ChildSpec,
        slots: int,
        changed: Callable[[], None] = _nothing,
        restarted: Callable[[], None] = _nothing,
        late: Callable[[], None] = _nothing,
        cancel_limit_s: float = CANCEL_LIMIT_S,
    ) -> None:
        self._spec = spec
        self._slots = slots
        self._changed = changed
        self._restarted = restarted
        self._late = late
        self._cancel_limit_s = cancel_limit_s
        self._process: Process | None = None
        self._jobs: Jobs | None = None
        self._trouble: EngineFailed | None = None
        self._settled = asyncio.Event()  # up for the first time, or given up
        self._group = asyncio.TaskGroup()
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """Name of the engine."""
        return self._spec.name

    @property
    def pid(self) -> int | None:
        """Process id while it is up."""
        return None if self._process is None else self._process.pid

    @property
    def about(self) -> Meta:
        """What the child said of its engine; empty while it is down."""
        return {} if self._process is None else self._process.about

    @property
    def free(self) -> int:
        """How many jobs may be opened now; 0 while it is down."""
        return 0 if self._jobs is None else self._jobs.free

    @property
    def slots(self) -> int:
        """How many jobs it takes at once; 0 while it is down."""
        return 0 if self._jobs is None else self._jobs.slots

    @property
    def running(self) -> int:
        """How many jobs it has."""
        return self.slots - self.free

    @property
    def idle(self) -> bool:
        """Whether it is up and has no job."""
        return self._jobs is not None and self._jobs.idle

    @property
    def trouble(self) -> EngineFailed | None:
        """Why its last start failed; None if it is up or was a moment ago."""
        return self._trouble

    async def __aenter__(self) -> Supervised:
        await self._group.__aenter__()
        self._task = self._group.create_task(self._run(), name=self.name)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        # Not told of the body's error: the group would wrap it, and it is not ours.
        await self._group.__aexit__(None, None, None)

    async def ready(self) -> None:
        """Wait until the child is up for the first time.

        Raises:
            EngineFailed: If it could not be started; says why.
        """
        await self._settled.wait()
        if self._process is None and self._trouble is not None:
            raise self._trouble

    def open(self, meta: Meta, sink: JobSink) -> Job:
        """Begin a job.

        Raises:
            EngineFailed: If the child is down, every slot is taken, or ``meta`` is
                beyond its bound.
        """
        if self._jobs is None:
            raise self._trouble or EngineFailed(self.name, "it is being restarted")
        return self._jobs.open(self.name, meta, sink)

    async def _run(self) -> None:
        try:
            await keep_running(
                lambda: start_process(self._spec, self._receive),
                self._live,
                self._not_started,
                self._spec.attempts,
            )
        except StartFailed as error:
            self._trouble = error
            self._settled.set()

    def _not_started(self, error: StartFailed) -> None:
        self._trouble = error
        self._changed()
        log.warning(
            "an engine did not start",
            extra={"engine": self.name, "why": str(error)},
        )

    async def _live(self, process: Process) -> None:
        await self._watch(process)
        self._restarted()

    async def _watch(self, process: Process) -> None:
        """Be up until the child ends by itself; a cancellation stops it in order."""
        self._up(process)
        try:
            why = await process.wait_end()
            log.warning("an engine died", extra={"engine": self.name, "why": why})
            self._down(why)
            process.discard()
        except asyncio.CancelledError:
            self._trouble = EngineFailed(self.name, "the server ends")
            self._down("the server ends")
            await process.stop()
            raise

    def _up(self, process: Process) -> None:
        self._process = process
        self._trouble = None
        told = process.about.get("slots")
        self._jobs = Jobs(
            process.send,
            told if isinstance(told, int) else self._slots,
            self._changed,
            self._late,
            process.kill,
            self._cancel_limit_s,
        )
        log.info("an engine is ready", extra={"engine": self.name, "pid": process.pid})
        self._settled.set()
        self._changed()

    def _down(self, why: str) -> None:
        jobs, self._jobs, self._process = self._jobs, None, None
        if jobs is not None:
            jobs.lost(why)
        self._changed()

    def _receive(self, message: Message) -> None:
        if self._jobs is not None:
            self._jobs.receive(message)
