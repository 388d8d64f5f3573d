"""A worker: a server that listens at a Unix socket for its front alone.

Run by ``python -m``, as the front does; it gets its settings over a socket and ends
when that closes, so that it cannot outlive the front. What it does inside is what a
server of one process does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import os
import socket
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

from voiceserver.cli.loop import log_to_stderr, open_engines, run
from voiceserver.config import Config
from voiceserver.config.parse import from_table
from voiceserver.engines.opened import Common, Engines
from voiceserver.engines.table import start_limit_s
from voiceserver.errors import VoiceServerError, first
from voiceserver.metrics import Metrics
from voiceserver.processes.ipc import (
    BlockingLine,
    Closed,
    Kind,
    Line,
    Message,
    read_settings,
)
from voiceserver.processes.process import ATTEMPTS, ChildSpec
from voiceserver.server import serve as server
from voiceserver.server.connections import bound_path
from voiceserver.server.front.counts import LET_IN, OWN_CALLS
from voiceserver.server.places import OwnCalls
from voiceserver.server.shares import Share, worker_config

START_LIMIT_S = 180.0  # at least; all load at once
STOP_LIMIT_S = 8.0  # to tell its calls and end its engines
WHY_LENGTH = 800  # characters of why it did not start


def worker_spec(config: Config, share: Share, path: str) -> ChildSpec:
    """What a front runs as a worker.

    Args:
        config: Of the whole server.
        share: Which worker it is.
        path: Of the Unix socket that it is to listen at.
    """
    mine = worker_config(config, share)
    return ChildSpec(
        f"worker {share.number}",
        "voiceserver.cli.serving.worker",
        {
            "config": dataclasses.asdict(mine),
            "share": dataclasses.asdict(share),
            "path": path,
        },
        niceness=0,
        start_limit_s=max(START_LIMIT_S, ATTEMPTS * start_limit_s(config)),
        stop_limit_s=STOP_LIMIT_S,
        ours=True,
    )


async def work(sock: socket.socket, settings: dict[str, object]) -> None:
    """Be a worker until the front says so, or is gone.

    Args:
        sock: To the front.
        settings: As ``worker_spec`` made them.
    """
    table, numbers = settings["config"], settings["share"]
    assert isinstance(table, dict) and isinstance(numbers, dict)
    config, share = from_table(table), Share.read(numbers)
    stop, drain, alone = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def left(_why: str) -> None:
        alone.set()
        stop.set()

    news = _News()

    def told(message: Message) -> None:
        if message.kind is Kind.FINISH:
            drain.set()
        elif message.kind is Kind.NEWS:
            news.take(message.meta)

    line = Line(sock, told, left)
    news.line = line
    parts = server.ServerParts(news.open_engines, share=share, own=news.own)
    path = Path(str(settings["path"]))
    try:
        with (
            server.stopped_by_signals(stop, drain),
            bound_path(str(path)) as listening,
        ):
            await server.serve(
                config,
                listening,
                parts,
                stop,
                lambda _address: news.ready(),
                drain,
            )
    except* VoiceServerError as group:
        line.send(Message(Kind.FAILED, meta={"why": str(first(group))[:WHY_LENGTH]}))
    finally:
        line.close()
        if alone.is_set():
            _clear_away(path)


class _News:
    """Carries what all processes of the server know, between this one and the front.

    Attributes:
        line: To the front.
        own: Counts the calls that come past the front.
    """

    def __init__(self) -> None:
        self.line: Line | None = None
        self.own = OwnCalls(lambda n: self._tell({OWN_CALLS: n}))
        self._common: Common | None = None

    @contextlib.asynccontextmanager
    async def open_engines(
        self, config: Config, metrics: Metrics
    ) -> AsyncGenerator[Engines, None]:
        """Open the engines; inside, what they know is told, and theirs is taken."""
        async with open_engines(config, metrics) as engines:
            self._common = engines.common
            if self._common is not None:
                self._common.tell = self._tell
            try:
                yield engines
            finally:
                self._common = None

    def ready(self) -> None:
        """Say that the worker is; what it has found out before was not heard."""
        assert self.line is not None
        self.line.send(Message(Kind.READY))
        for news in self._common.all_news() if self._common is not None else ():
            self._tell(news)

    def take(self, news: dict[str, object]) -> None:
        """Take what others know; there is nobody to tell before the engines are."""
        if LET_IN in news:
            self.own.elsewhere = int(str(news[LET_IN]))
        elif self._common is not None:
            self._common.take(news)

    def _tell(self, news: dict[str, object]) -> None:
        assert self.line is not None
        self.line.send(Message(Kind.NEWS, meta=news))


def _clear_away(path: Path) -> None:
    """Leave nothing in the front's folder, which it cannot clear itself if killed."""
    with contextlib.suppress(OSError):  # it was quicker
        path.unlink(missing_ok=True)
        path.parent.rmdir()  # unless another worker is still in it


def main() -> int:
    """Run a worker; what it logs goes where the front's lines go."""
    parser = argparse.ArgumentParser(prog="voiceserver.cli.serving.worker")
    parser.add_argument("--fd", type=int, required=True, help="connected socket")
    parser.add_argument("--niceness", type=int, default=0)
    parser.add_argument("--name", default="", help="shown in lists of processes")
    arguments = parser.parse_args()
    os.nice(arguments.niceness)
    sock = socket.socket(fileno=arguments.fd)
    try:
        settings = read_settings(BlockingLine(sock))
    except Closed:
        return 0  # the front is gone already
    table = settings["config"]
    assert isinstance(table, dict)
    log_to_stderr(from_table(table), quiet=False)
    run(work(sock, settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
