"""The workers as a front sees them: where they listen, whether they live, how busy.

Asks a worker over its Unix socket and says so when it is gone. Each request has a
connection of its own, so that whatever one leaves behind on it can be no part of
another's. How workers are started is ``fleet``'s; what is asked of them, ``routes``'.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from voiceserver.errors import VoiceServerError
from voiceserver.server.answers import busy
from voiceserver.server.routes.internal import SECRET_HEADER

CONNECT_LIMIT_S = 2.0
ASK_LIMIT_S = 15.0  # longer than an offer may take in the worker


class WorkerLost(VoiceServerError):
    """A worker died, or did not answer; another may."""


@dataclass(frozen=True, slots=True)
class WorkerResponse:
    """A worker's answer, whole.

    Attributes:
        status: HTTP status.
        headers: As it gave them.
        body: All of it.
    """

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes


def target_of(request: web.Request) -> str:
    """Path and query as they came; of an address with a host in it, the rest."""
    return request.rel_url.raw_path_qs


class Worker:
    """One worker.

    Args:
        number: From 1; it is in the ids of its calls.
        path: Of its Unix socket.
        secret: Shows that a request is the front's own.
    """

    def __init__(self, number: int, path: str, secret: str) -> None:
        self.number = number
        self.path = path
        self.up = False  # takes requests
        self.came_up = asyncio.Event()  # at least once
        self.reachable = False  # answers the front
        self.starts = 0  # so many times, to know one from the next
        self.n_calls = 0
        self.n_requests = 0
        self._secret = secret
        self._session: aiohttp.ClientSession | None = None

    @contextlib.contextmanager
    def holding_call(self) -> Iterator[None]:
        """Count a call inside."""
        self.n_calls += 1
        try:
            yield
        finally:
            self.n_calls -= 1

    @contextlib.asynccontextmanager
    async def asked(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        limit_s: float | None = None,
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """Send a request; inside, its answer has begun.

        Args:
            method: HTTP method.
            target: Path and query, as they are to be sent.
            headers: Of the request.
            body: Bytes, or an asynchronous iterator of them.
            limit_s: For the whole exchange; None is none.

        Raises:
            WorkerLost: If it is gone, before or after its answer began.
        """
        assert self._session is not None
        timeout = aiohttp.ClientTimeout(limit_s, connect=CONNECT_LIMIT_S)
        url = URL(f"http://localhost{target}", encoded=True)
        last = CIMultiDict(headers or {}, Connection="close")
        self.n_requests += 1
        try:
            async with self._session.request(
                method,
                url,
                headers=last,
                data=body,
                allow_redirects=False,
                timeout=timeout,
            ) as answer:
                yield answer
        except aiohttp.ClientError as error:
            raise WorkerLost(f"worker {self.number}: {error}") from error
        except TimeoutError as error:
            raise WorkerLost(f"worker {self.number} does not answer") from error
        finally:
            self.n_requests -= 1

    async def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit_s: float | None = ASK_LIMIT_S,
    ) -> WorkerResponse:
        """Send a request and read its whole answer.

        Raises:
            WorkerLost: If it is gone.
        """
        async with self.asked(method, target, headers, body, limit_s) as answer:
            return WorkerResponse(answer.status, answer.headers, await answer.read())

    async def tell(
        self, method: str, target: str, body: bytes = b"", limit_s: float | None = None
    ) -> WorkerResponse:
        """Ask what only the front may.

        Raises:
            WorkerLost: If it is gone.
        """
        headers = {SECRET_HEADER: self._secret}
        self.n_requests -= 1  # one that waits for a call's end is no work
        try:
            return await self.ask(method, target, headers, body or None, limit_s)
        finally:
            self.n_requests += 1

    async def __aenter__(self) -> Worker:
        connector = aiohttp.UnixConnector(self.path, limit=0, force_close=True)
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._session is not None
        await self._session.close()


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
        prefix, _, rest = call_id.partition("_")
        number, _, _ = rest.partition("_")
        if prefix != "rtc" or not (number.isascii() and number.isdigit()):
            return None
        return next((one for one in self._workers if str(one.number) == number), None)
