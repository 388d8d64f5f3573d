"""A fleet of two hosts in one process: what a cluster does, without one.

As a module it is a gateway to them, run by the server like the real one.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import socket
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from voiceserver.cluster.gateway import relayed
from voiceserver.cluster.host import EngineHost
from voiceserver.cluster.relay import ReplicaLost
from voiceserver.processes.ipc import BlockingLine, Kind, Message, read_settings
from voiceserver.processes.process import ChildSpec

HOSTS = 2
GATEWAY = "tests.cluster.local_fleet"


class LocalFleet:
    """Hosts in this process, each taken in turn."""

    def __init__(self, hosts: Sequence[EngineHost]) -> None:
        self.hosts = hosts
        self.leases = 0
        self._numbers = itertools.count()

    @asynccontextmanager
    async def lease(self) -> AsyncGenerator[LocalLease, None]:
        if not self.hosts:
            raise ReplicaLost("no replica is there")
        number = next(self._numbers)
        lease = LocalLease(self.hosts[number % len(self.hosts)], f"us:{number}")
        self.leases += 1
        try:
            yield lease
        finally:
            self.leases -= 1
            lease.send([Message(Kind.CANCEL)])


class LocalLease:
    """Packets arrive in whatever order: the later one first, where two are sent."""

    def __init__(self, host: EngineHost, job_id: str) -> None:
        self._host = host
        self._job_id = job_id
        self._numbers = itertools.count()

    def send(self, messages: Sequence[Message]) -> None:
        loop, number = asyncio.get_running_loop(), next(self._numbers)
        delay_s = 0.0 if number % 2 else 0.001
        loop.call_later(delay_s, self._host.take, self._job_id, number, messages)

    def results(self) -> AsyncGenerator[Sequence[Message], None]:
        return self._host.results(self._job_id)


async def main(sock: socket.socket, settings: dict[str, object]) -> None:
    """Run the hosts, and be the gateway to them."""
    engine = settings["engine"]
    assert isinstance(engine, dict)
    module = "voiceserver.engines.remote.child"
    spec = ChildSpec("fake", module, engine)
    async with AsyncExitStack() as stack:
        hosts = [
            await stack.enter_async_context(EngineHost(spec)) for _ in range(HOSTS)
        ]
        for host in hosts:
            await host.ready()
        about = hosts[0].about | {"slots": 8}
        await relayed(sock, LocalFleet(hosts), about)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("--fd", "--niceness", "--name"):
        parser.add_argument(name)
    line = BlockingLine(socket.socket(fileno=int(parser.parse_args().fd)))
    asyncio.run(main(line.detach(), read_settings(line)))
    sys.exit(0)
