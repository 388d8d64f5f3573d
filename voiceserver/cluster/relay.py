"""Jobs of a server, done by replicas elsewhere: which has it, and what is told of it.

A job gets a lease at one replica, its messages go there and the results come back. A
replica that dies has lost its jobs; who asked may ask again, and gets another one. A
job is stopped by giving its lease back. Knows not what leases are made of; that is
``ray_serve``'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from voiceserver.errors import VoiceServerError
from voiceserver.processes.ipc import Kind, Message, Meta

log = logging.getLogger(__name__)


class ReplicaLost(VoiceServerError):
    """A replica died, or none has a place: the job may be asked again."""


class Lease(Protocol):
    """A place for one job at one replica."""

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages of the job, in order; returns at once."""

    def results(self) -> AsyncGenerator[Sequence[Message], None]:
        """Stream what the replica tells, to the end of the job.

        Raises:
            ReplicaLost: If it died.
        """


class Fleet(Protocol):
    """Replicas of one engine."""

    def lease(self) -> AbstractAsyncContextManager[Lease]:
        """Lease a place; inside, it is ours. Leaving stops a job that runs.

        Raises:
            ReplicaLost: If none is to be had in time.
        """


class Relay:
    """The jobs of one server.

    Args:
        send: Sends a message to the server.
        fleet: Where they are done.
        group: Where leases are held.
    """

    def __init__(
        self,
        send: Callable[[Message], None],
        fleet: Fleet,
        group: asyncio.TaskGroup,
    ) -> None:
        self._send = send
        self._fleet = fleet
        self._group = group
        self._jobs: dict[tuple[int, int], _RelayedJob] = {}  # by slot and generation

    @property
    def jobs(self) -> int:
        """How many there are."""
        return len(self._jobs)

    def receive(self, message: Message) -> None:
        """Take a message of the server."""
        key = (message.slot, message.generation)
        if message.kind is Kind.OPEN:
            self._jobs[key] = job = _RelayedJob(message)
            job.task = self._group.create_task(self._run(key, job))
            return
        found = self._jobs.get(key)
        if found is None:
            return  # the job ended while this was under way
        if message.kind is not Kind.CANCEL:
            found.take(message)
            return
        assert found.task is not None
        found.task.cancel()
        self._end(key, Kind.CANCELLED)

    def stop(self) -> None:
        """Give all leases back."""
        for job in self._jobs.values():
            assert job.task is not None
            job.task.cancel()
        self._jobs.clear()

    async def _run(self, key: tuple[int, int], job: _RelayedJob) -> None:
        try:
            async with self._fleet.lease() as lease:
                job.leased(lease)
                async for batch in lease.results():
                    self._tell(key, batch)
            self._end(key, Kind.LOST, {"why": "the replica ended"})  # if it still runs
        except ReplicaLost as error:
            self._end(key, Kind.LOST, {"why": str(error)[:800]})
        except Exception as error:  # noqa: BLE001 - the edge to what others run
            log.warning("a lease failed", extra={"why": type(error).__name__})
            self._end(key, Kind.LOST, {"why": type(error).__name__})

    def _tell(self, key: tuple[int, int], batch: Sequence[Message]) -> None:
        for message in batch:
            if message.kind is not Kind.ITEM:
                self._end(key, message.kind, message.meta, message.body)
            elif key in self._jobs:
                self._send(Message(Kind.ITEM, *key, message.meta, message.body))

    def _end(
        self,
        key: tuple[int, int],
        kind: Kind,
        meta: Meta | None = None,
        body: bytes = b"",
    ) -> None:
        """Tell the end of a job, unless that was told."""
        if self._jobs.pop(key, None) is not None:
            self._send(Message(kind, *key, meta or {}, body))


class _RelayedJob:
    """What is to be sent to a replica; messages of one moment go together."""

    def __init__(self, opening: Message) -> None:
        self.task: asyncio.Task[None] | None = None
        self._waiting: list[Message] = [_bare(opening)]
        self._lease: Lease | None = None
        self._flushing = False

    def take(self, message: Message) -> None:
        """Send a message, or keep it until there is a lease.

        What may wait is bounded by the credits and windows of who asks.
        """
        self._waiting.append(_bare(message))
        if self._lease is not None and not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def leased(self, lease: Lease) -> None:
        """A place is there."""
        self._lease = lease
        self._flush()

    def _flush(self) -> None:
        self._flushing = False
        waiting, self._waiting = self._waiting, []
        if waiting and self._lease is not None:
            self._lease.send(waiting)


def _bare(message: Message) -> Message:
    """Return a message without its place in our server."""
    return Message(message.kind, meta=message.meta, body=message.body)
