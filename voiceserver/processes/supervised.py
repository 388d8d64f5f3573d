"""A child process that is kept running: started, watched, started again, stopped.

Its jobs are told when it dies, and new ones are refused until it is up again. When it
is started again is the choice of ``restarts``; what it computes is the child's own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType

from voiceserver.errors import EngineFailed
from voiceserver.processes.ipc import Message, Meta
from voiceserver.processes.jobs import CANCEL_LIMIT_S, Job, Jobs, JobSink
from voiceserver.processes.process import (
    ChildSpec,
    Process,
    StartFailed,
    start_process,
)
from voiceserver.processes.restarts import keep_running

log = logging.getLogger(__name__)


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
            EngineFailed: If the child is down or every slot is taken.
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
