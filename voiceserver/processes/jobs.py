"""Jobs of one child: who asked what, in which slot, and which answers are stale.

A job is one call of an engine. It has a slot, which bounds how many run at once, and
a generation number that no other job of the child's life has. It ends by exactly one
message of the child (END, FAILED or CANCELLED) or with the child, and only that frees
the slot: an answer can never reach a job that took the place of its own.
Knows nothing of what jobs do, nor of processes beyond a way to send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from voiceserver.errors import EngineFailed
from voiceserver.processes import ipc
from voiceserver.processes.ipc import Kind, Message, Meta

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
        """The process died; the job may be asked of another one."""


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
            EngineFailed: If every slot is taken.
        """
        if not self._free:
            raise EngineFailed(name, "too many calls of it at once")
        self._generation = self._generation % ipc.MAX_GENERATION + 1
        job = Job(self, self._free.pop(), self._generation, sink)
        self._running[job.slot] = job
        self.send(Message(Kind.OPEN, job.slot, job.generation, meta))
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
        if message.kind is Kind.END:
            sink.ended(message.meta, message.body)
        else:
            sink.failed(str(message.meta.get("why", "no reason given")))

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
