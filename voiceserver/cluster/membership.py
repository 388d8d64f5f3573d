"""Entry point of the process between a host and the cluster's directory.

``python -m voiceserver.cluster.membership``: takes what its server tells, asks the
directory, and gives back what that says, or that it does not answer. Like ``gateway``
it keeps Ray out of the server.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
from contextlib import AsyncExitStack
from typing import Any, Protocol

from voiceserver.cluster.gateway import EXTRA
from voiceserver.errors import EngineFailed, NotInstalled
from voiceserver.processes.entry import begun
from voiceserver.processes.ipc import (
    BlockingLine,
    Closed,
    Kind,
    Line,
    Message,
    Meta,
    read_settings,
)

log = logging.getLogger(__name__)

ASK_LIMIT_S = 1.5
LAST_WORDS_S = 0.2  # for a goodbye to get away


class FarDirectory(Protocol):
    """The directory, wherever it runs."""

    async def beat(self, told: dict[str, Any]) -> dict[str, Any]:
        """Pass on a host's standing; a view comes back, or ``refused``."""

    async def leave(self, name: str, boot: str) -> None:
        """Pass on that a host ends."""


async def passed_on(sock: socket.socket, directory: FarDirectory) -> None:
    """Pass on what a server tells until it is gone.

    Args:
        sock: To the server; it is closed at the end.
        directory: Is asked.
    """
    ended = asyncio.Event()

    async def ask(message: Message) -> None:
        answer = await _answer(json.loads(message.body), directory)
        if answer is not None:
            body = json.dumps(answer, separators=(",", ":")).encode()
            line.send(Message(Kind.NEWS, meta=message.meta, body=body))

    async with asyncio.TaskGroup() as group:

        def receive(message: Message) -> None:
            group.create_task(ask(message))

        line = Line(sock, receive, lambda _: ended.set())
        line.send(Message(Kind.READY))
        try:
            await ended.wait()
            await asyncio.sleep(LAST_WORDS_S)
        finally:
            line.close()


async def _answer(
    asked: dict[str, Any], directory: FarDirectory
) -> dict[str, Any] | None:
    """What the directory says; that it does not answer, whatever the reason."""
    try:
        async with asyncio.timeout(ASK_LIMIT_S):
            if "leave" in asked:
                await directory.leave(*asked["leave"])
                return None
            return await directory.beat(asked["beat"])
    except Exception as error:  # noqa: BLE001 - the edge to what others run
        return {"lost": type(error).__name__}


async def run(line: BlockingLine, settings: Meta) -> None:
    """Find the cluster and serve; says why where that cannot be."""
    async with AsyncExitStack() as stack:
        try:
            try:
                from voiceserver.cluster.ray_directory import joined
            except ImportError as error:
                raise NotInstalled("ray", error, EXTRA) from error
            directory = await stack.enter_async_context(joined(settings))
        except EngineFailed as error:
            line.send(Message(Kind.FAILED, meta={"why": str(error)[:800]}))
            return
        await passed_on(line.detach(), directory)


def main() -> int:
    """Run it; its last lines of error output tell why it ended."""
    line = BlockingLine(begun("voiceserver.cluster.membership"))
    try:
        asyncio.run(run(line, read_settings(line)))
    except Closed:
        pass  # the usual end
    finally:
        line.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
