"""The workers as a front sees them: where they listen, whether they live, how busy.

How one is asked is ``holder``'s, how it is started ``fleet``'s, what is asked of it
``routes``'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import aiohttp

from voiceserver.server.answers import busy
from voiceserver.server.front.holder import Holder, HolderResponse, Streams
from voiceserver.server.routes.internal import SECRET_HEADER


class Worker(Holder):
    """One worker.

    Args:
        number: From 1; it is in the ids of its calls.
        path: Of its Unix socket.
        secret: Shows that a request is the front's own.
    """

    def __init__(self, number: int, path: str, secret: str) -> None:
        super().__init__(f"worker {number}", "http://localhost")
        self.number = number
        self.path = path
        self.up = False  # takes requests
        self.came_up = asyncio.Event()  # at least once
        self.reachable = False  # answers the front
        self.starts = 0  # so many times, to know one from the next
        self._secret = secret

    def connector(self) -> aiohttp.BaseConnector:
        """Make what connects to its socket."""
        return aiohttp.UnixConnector(self.path, limit=0, force_close=True)

    async def connected(self, limit: int) -> Streams:
        """Connect to its socket."""
        return await asyncio.open_unix_connection(self.path, limit=limit)

    async def tell(
        self, method: str, target: str, body: bytes = b"", limit_s: float | None = None
    ) -> HolderResponse:
        """Ask what only the front may.

        Raises:
            HolderLost: If it is gone.
        """
        headers = {SECRET_HEADER: self._secret}
        self.n_requests -= 1  # one that waits for a call's end is no work
        try:
            return await self.ask(method, target, headers, body or None, limit_s)
        finally:
            self.n_requests += 1


class Workers:
    """All workers of a server.

    Args:
        workers: In order of their numbers.
    """

    def __init__(self, workers: tuple[Worker, ...]) -> None:
        self._workers = workers

    def __iter__(self) -> Iterator[Worker]:
        return iter(self._workers)

    @property
    def up(self) -> list[Worker]:
        """Those that take requests, the one with the fewest calls first.

        Raises:
            Refusal: If there is none (503).
        """
        return sorted(self._found(), key=lambda one: (one.n_calls, one.n_requests))

    @property
    def least_asked(self) -> list[Worker]:
        """The same, the one with the fewest requests first; errors as ``up``."""
        return sorted(self._found(), key=lambda one: (one.n_requests, one.n_calls))

    def _found(self) -> list[Worker]:
        found = [worker for worker in self._workers if worker.up]
        if not found:
            raise busy("The server is still loading its engines.", "not_ready")
        return found

    def of_call(self, call_id: str) -> Worker | None:
        """Who holds, or held, the call of an id; None if no id of ours looks so."""
        _, number = holder_of(call_id)
        return next((one for one in self._workers if str(one.number) == number), None)


def holder_of(call_id: str) -> tuple[str, str]:
    """The host and the worker's number in a call's id: ``rtc_2_…``, ``rtc_a.2_…``.

    The host is ``""`` where there is one only; both are where no id of ours looks so.
    """
    prefix, _, rest = call_id.partition("_")
    host, _, number = rest.partition("_")[0].rpartition(".")
    if prefix != "rtc" or not (number.isascii() and number.isdigit()):
        return "", ""
    return host, number
