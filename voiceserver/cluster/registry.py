"""A host's way to the directory: a process of its own that knows the cluster.

It is started again for ever, ever more slowly, and a host does without it: who asks
while it is gone is told so at once. The server imports nothing of Ray, whose client
ends its own process where the cluster is gone.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Protocol

from voiceserver.cluster.directory import Refused, Standing, View
from voiceserver.errors import VoiceServerError
from voiceserver.processes.ipc import Kind, Message
from voiceserver.processes.process import (
    ChildSpec,
    Process,
    StartFailed,
    start_process,
)
from voiceserver.processes.restarts import keep_running

ANSWER_LIMIT_S = 2.0  # less than a lease
AGAIN_S = 5.0
MODULE = "voiceserver.cluster.membership"


class RegistryLost(VoiceServerError):
    """The directory does not answer; says why, if that is known."""


class Registry(Protocol):
    """The directory, as a host asks it."""

    async def run(self) -> None:
        """Keep going what it is asked by, until cancelled."""

    async def beat(self, standing: Standing) -> View:
        """Tell how this host stands and be told of the others.

        Raises:
            Refused: If this host cannot be one of them.
            RegistryLost: If nobody answers.
        """

    def leave(self, name: str, boot: str) -> None:
        """Say that this host ends; returns at once."""


class ChildRegistry:
    """The directory behind a child process.

    Args:
        address: Of Ray's head, or ``"auto"``.
        name: Of the fleet in that cluster.
        module: Run as the child.
    """

    def __init__(self, address: str, name: str, module: str = MODULE) -> None:
        self._spec = ChildSpec(
            "directory",
            module,
            {"address": address, "name": name},
            niceness=0,
            environment=("RAY_ADDRESS", "RAY_TMPDIR", "RAY_AUTH_MODE"),
            attempts=1,
        )
        self._process: Process | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, object]]] = {}
        self._why = "it is being asked for"

    async def run(self) -> None:
        """Keep the child running until cancelled."""
        while True:
            try:
                await keep_running(self._start, self._live, self._failed, 1)
            except StartFailed as error:  # the cluster is not there, or not yet
                self._failed(error)
                await asyncio.sleep(AGAIN_S)

    async def _start(self) -> Process:
        return await start_process(self._spec, self._receive)

    def _failed(self, error: StartFailed) -> None:
        self._why = str(error)

    async def _live(self, process: Process) -> None:
        self._process = process
        try:
            self._why = await process.wait_end()
            process.discard()
        except BaseException:
            await process.stop()
            raise
        finally:
            self._process = None
            for waiting in self._waiting.values():
                waiting.cancel()

    def _receive(self, message: Message) -> None:
        waiting = self._waiting.get(int(str(message.meta.get("number", 0))))
        if waiting is not None and not waiting.done():
            waiting.set_result(json.loads(message.body))

    async def beat(self, standing: Standing) -> View:
        """Tell and be told; see ``Registry``."""
        if self._process is None:
            raise RegistryLost(self._why)
        number = next(self._numbers)
        told: asyncio.Future[dict[str, object]] = (
            asyncio.get_running_loop().create_future()
        )
        self._waiting[number] = told
        try:
            self._send(number, {"beat": standing.told()})
            await asyncio.wait({told}, timeout=ANSWER_LIMIT_S)
            if not told.done() or told.cancelled():
                raise RegistryLost("it does not answer")
            answer = told.result()
        finally:
            del self._waiting[number]
        if refused := answer.get("refused"):
            raise Refused(str(refused))
        if lost := answer.get("lost"):
            raise RegistryLost(str(lost))
        return View.read(answer)

    def leave(self, name: str, boot: str) -> None:
        """Say that this host ends; see ``Registry``."""
        self._send(0, {"leave": [name, boot]})

    def _send(self, number: int, asked: dict[str, object]) -> None:
        if self._process is not None:
            body = json.dumps(asked, separators=(",", ":")).encode()
            self._process.send(Message(Kind.NEWS, meta={"number": number}, body=body))
