"""A directory in a child process: what Ray's actor does, without Ray.

As a module it is what a host runs to ask it. A host of the name ``nowhere`` finds that
the directory is gone, ``ends`` that the child is.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import time
from typing import Any

from voiceserver.cluster.directory import Directory, Refused, Standing
from voiceserver.cluster.membership import passed_on
from voiceserver.processes.ipc import BlockingLine, read_settings

MODULE = "tests.cluster.local_directory"


class LocalDirectory:
    """The directory itself."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.left: list[str] = []

    async def beat(self, told: dict[str, Any]) -> dict[str, Any]:
        match told["name"]:
            case "nowhere":
                raise ConnectionError("secret detail")
            case "silent":
                await asyncio.Event().wait()
            case "ends":
                os._exit(1)
        try:
            standing = Standing.read(told)
            return self.directory.beat(standing, time.monotonic(), time.time()).told()
        except Refused as error:
            return {"refused": str(error)}

    async def leave(self, name: str, boot: str) -> None:
        self.left.append(name)
        self.directory.leave(name, boot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("--fd", "--niceness", "--name"):
        parser.add_argument(name)
    line = BlockingLine(socket.socket(fileno=int(parser.parse_args().fd)))
    read_settings(line)
    asyncio.run(passed_on(line.detach(), LocalDirectory()))
    sys.exit(0)
