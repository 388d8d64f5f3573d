"""An engine's process on the host that has it, for jobs that come from elsewhere.

The process and its jobs are those of ``processes``; here only what lies between them
and somebody far away: messages that may overtake each other are put in order, results
are gathered until they are fetched, and jobs of somebody who is gone are stopped. Knows
neither what is computed nor how messages travel.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from types import TracebackType

from voiceserver import __version__
from voiceserver.errors import EngineFailed
from voiceserver.processes.ipc import Kind, Message, Meta
from voiceserver.processes.process import ChildSpec
from voiceserver.processes.supervised import Job, Supervised

log = logging.getLogger(__name__)

SLOTS = 32  # jobs at once, where the engine does not say
SILENT_LIMIT_S = 10.0  # a gateway that says nothing for so long is gone
REAP_S = 2.0
MAX_OVER = 4_096  # jobs that are over: what still comes for them is known as theirs
MAX_EARLY = 64  # packets that came before the one which is due
ENDS = frozenset((Kind.END, Kind.FAILED, Kind.LOST, Kind.CANCELLED))


def gateway_of(job_id: str) -> str:
    """Return who asks: what stands before the job's number, as ``"a1b2:7"``."""
    return job_id.partition(":")[0]


class EngineHost:
    """An engine's process; an asynchronous context manager that runs it.

    Args:
        spec: The process.
        now_s: A monotonic clock.
    """

    def __init__(
        self, spec: ChildSpec, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._now_s = now_s
        self._child = Supervised(spec, SLOTS)
        self._jobs: dict[str, _HostedJob] = {}
        self._over: dict[str, None] = {}  # those that ended last
        self._heard_s: dict[str, float] = {}  # of a gateway
        self._group = asyncio.TaskGroup()
        self._reaping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> EngineHost:
        await self._child.__aenter__()
        await self._group.__aenter__()
        self._reaping = self._group.create_task(self._reap())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._reaping is not None
        self._reaping.cancel()
        await self._group.__aexit__(None, None, None)
        await self._child.__aexit__(kind, error, traceback)

    @property
    def about(self) -> Meta:
        """What the engine said of itself, with its version and its slots."""
        about = self._child.about
        return about | {"version": __version__, "slots": self._child.slots}

    @property
    def jobs(self) -> int:
        """How many there are."""
        return len(self._jobs)

    async def ready(self) -> None:
        """Wait until the engine is warmed up.

        Raises:
            EngineFailed: If it cannot be started; says why.
        """
        await self._child.ready()

    def check(self) -> None:
        """Check that the engine can be started.

        Raises:
            EngineFailed: If it could not be, the last time.
        """
        if self._child.trouble is not None:
            raise self._child.trouble

    def alive(self, gateway: str) -> None:
        """Take notice that a gateway is there."""
        self._heard_s[gateway] = self._now_s()

    def take(self, job_id: str, number: int, messages: Sequence[Message]) -> None:
        """Take a packet of a job's messages.

        Args:
            job_id: Begins with its gateway; see ``gateway_of``.
            number: Of the packet, from 0; those before it may still be under way.
            messages: The first of all opens the job.
        """
        self.alive(gateway_of(job_id))
        if job_id not in self._over:
            self._job(job_id).take(number, messages)

    async def results(self, job_id: str) -> AsyncGenerator[Sequence[Message], None]:
        """Stream a job's results, as many at a time as are there, to its end.

        Closing the generator stops the job.
        """
        self.alive(gateway_of(job_id))
        job = self._job(job_id)
        try:
            while True:
                batch = await job.results()
                yield batch
                if batch[-1].kind in ENDS:
                    return
        finally:
            self._stop(job_id)

    def _job(self, job_id: str) -> _HostedJob:
        if job_id not in self._jobs:
            self._jobs[job_id] = _HostedJob(self._child)
        return self._jobs[job_id]

    def _stop(self, job_id: str) -> None:
        job = self._jobs.pop(job_id, None)
        if job is not None:
            job.stop()
        self._over[job_id] = None
        if len(self._over) > MAX_OVER:
            del self._over[next(iter(self._over))]

    async def _reap(self) -> None:
        """Stop the jobs of those who are gone."""
        while True:
            await asyncio.sleep(REAP_S)
            long_ago_s = self._now_s() - SILENT_LIMIT_S
            gone = {name for name, at_s in self._heard_s.items() if at_s < long_ago_s}
            for name in gone:
                del self._heard_s[name]
            for job_id in [one for one in self._jobs if gateway_of(one) in gone]:
                log.warning("a gateway is gone", extra={"job": job_id})
                self._stop(job_id)


class _HostedJob:
    """One job: what comes in order, and the ``JobSink`` of what is told."""

    def __init__(self, child: Supervised) -> None:
        self._child = child
        self._job: Job | None = None
        self._due = 0  # number of the next packet
        self._early: dict[int, Sequence[Message]] = {}
        self._told: deque[Message] = deque()
        self._over = False  # its end was told
        self._news = asyncio.Event()

    def take(self, number: int, messages: Sequence[Message]) -> None:
        """Obey a packet, and those that waited for it."""
        if self._over:
            return
        self._early[number] = messages
        if len(self._early) > MAX_EARLY:
            self.stop()
            self.lost("messages are missing")
            return
        while (packet := self._early.pop(self._due, None)) is not None:
            self._due += 1
            for message in packet:
                self._obey(message)

    def _obey(self, message: Message) -> None:
        if message.kind is Kind.OPEN:
            self._open(message.meta)
        job = self._job
        if job is None:
            return  # it could not be opened, or has ended
        match message.kind:
            case Kind.PUSH:
                job.push(message.body)
            case Kind.NOTE:
                job.note(message.meta)
            case Kind.FINISH:
                job.finish()
            case Kind.CREDIT:
                items = message.meta.get("items")
                job.credit(items if isinstance(items, int) else 0)
            case Kind.CANCEL:
                self.stop()

    def _open(self, meta: Meta) -> None:
        try:
            self._job = self._child.open(meta, self)
        except EngineFailed as error:  # it is being restarted, or full: ask another
            self.lost(str(error))

    def stop(self) -> None:
        """Stop the work; whoever waits for results is told that."""
        job, self._job = self._job, None
        if job is not None:
            job.cancel()
            self._tell(Kind.CANCELLED)

    async def results(self) -> Sequence[Message]:
        """Wait for results and take them, at least one."""
        while not self._told:
            self._news.clear()
            await self._news.wait()
        batch = tuple(self._told)
        self._told.clear()
        return batch

    def item(self, meta: Meta, body: bytes) -> None:
        """Take a piece of output."""
        self._tell(Kind.ITEM, meta, body)

    def ended(self, meta: Meta, body: bytes) -> None:
        """Take the last result."""
        self._job = None
        self._tell(Kind.END, meta, body)

    def failed(self, why: str) -> None:
        """The engine could not do it."""
        self._job = None
        self._tell(Kind.FAILED, {"why": why})

    def lost(self, why: str) -> None:
        """The process died."""
        self._job = None
        self._tell(Kind.LOST, {"why": why})

    def _tell(self, kind: Kind, meta: Meta | None = None, body: bytes = b"") -> None:
        self._told.append(Message(kind, meta=meta or {}, body=body))
        self._over = self._over or kind in ENDS
        self._news.set()
