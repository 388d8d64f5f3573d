"""Entry point of the process between a server and a cluster of engines.

``python -m voiceserver.cluster.gateway``: to the server it is an engine's process like
any other, started, watched and ended the same way; its jobs are done by replicas. That
keeps Ray out of the server: its client ends its own process where the cluster is gone,
and no call may end with it.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import AsyncExitStack

from voiceserver.cluster.relay import Fleet, Relay
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

EXTRA = "cluster"


async def relayed(sock: socket.socket, fleet: Fleet, about: Meta) -> None:
    """Be an engine whose jobs are done by a fleet, until the server is gone.

    Args:
        sock: To the server; it is closed at the end.
        fleet: Does the jobs.
        about: What the server is told of the engine.
    """
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        line = Line(sock, lambda message: relay.receive(message), lambda _: ended.set())
        relay = Relay(line.send, fleet, group)
        line.send(Message(Kind.READY, meta=about))
        try:
            await ended.wait()
        finally:
            relay.stop()
            line.close()


async def run(line: BlockingLine, settings: Meta) -> None:
    """Find the cluster and serve; says why where that cannot be."""
    async with AsyncExitStack() as stack:
        try:
            try:
                from voiceserver.cluster.ray_serve import connected
            except ImportError as error:
                raise NotInstalled("ray", error, EXTRA) from error
            fleet = await stack.enter_async_context(connected(settings))
        except EngineFailed as error:
            line.send(Message(Kind.FAILED, meta={"why": str(error)[:800]}))
            return
        await relayed(line.detach(), fleet, fleet.about)


def main() -> int:
    """Run a gateway; its last lines of error output tell why it ended."""
    line = BlockingLine(begun("voiceserver.cluster.gateway"))
    try:
        asyncio.run(run(line, read_settings(line)))
    except Closed:
        pass  # the usual end
    finally:
        line.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
