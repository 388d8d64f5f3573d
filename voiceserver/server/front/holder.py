"""Who holds calls behind a front, and is asked by HTTP: a worker, or another host.

Says so when it is gone. Each request has a connection of its own, so that whatever one
leaves behind on it can be no part of another's. Where it is reached, and what shows it
who asks, each kind says itself; what is asked, ``routes``.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeAlias

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from voiceserver.errors import VoiceServerError

CONNECT_LIMIT_S = 2.0
ASK_LIMIT_S = 15.0  # longer than an offer may take in the worker

Streams: TypeAlias = "tuple[asyncio.StreamReader, asyncio.StreamWriter]"


class HolderLost(VoiceServerError):
    """A worker or a host is gone, or did not answer; another may."""


@dataclass(frozen=True, slots=True)
class HolderResponse:
    """An answer, whole.

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


class Holder(ABC):
    """Somebody who holds calls; an asynchronous context manager that can be asked.

    Args:
        name: For messages.
        base: What stands before a target, as ``"http://localhost"``.
    """

    def __init__(self, name: str, base: str) -> None:
        self.name = name
        self.n_calls = 0
        self.n_requests = 0
        self._base = base
        self._session: aiohttp.ClientSession | None = None

    @abstractmethod
    def connector(self) -> aiohttp.BaseConnector:
        """Make what connects there, each time anew."""

    @abstractmethod
    async def connected(self, limit: int) -> Streams:
        """Connect by hand; ``limit`` is the reader's, in bytes.

        Raises:
            OSError: If it takes no connection.
        """

    def shown(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        client: str = "",
    ) -> CIMultiDict[str]:
        """Add to a request's headers what shows who asks: here nothing.

        Args:
            method: Of the request.
            target: Path and query.
            headers: Of the request.
            client: Address of who asks us.
        """
        return CIMultiDict(headers)

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
        client: str = "",
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """Send a request; inside, its answer has begun.

        Args:
            method: HTTP method.
            target: Path and query, as they are to be sent.
            headers: Of the request.
            body: Bytes, or an asynchronous iterator of them.
            limit_s: For the whole exchange; None is none.
            client: Address of who asks us; see ``shown``.

        Raises:
            HolderLost: If it is gone, before or after its answer began.
        """
        assert self._session is not None
        timeout = aiohttp.ClientTimeout(limit_s, connect=CONNECT_LIMIT_S)
        url = URL(f"{self._base}{target}", encoded=True)
        last = self.shown(method, target, headers or {}, client)
        last["Connection"] = "close"
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
            raise HolderLost(f"{self.name}: {error}") from error
        except TimeoutError as error:
            raise HolderLost(f"{self.name} does not answer") from error
        finally:
            self.n_requests -= 1

    async def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit_s: float | None = ASK_LIMIT_S,
        client: str = "",
    ) -> HolderResponse:
        """Send a request and read its whole answer.

        Raises:
            HolderLost: If it is gone.
        """
        async with self.asked(method, target, headers, body, limit_s, client) as answer:
            return HolderResponse(answer.status, answer.headers, await answer.read())

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=self.connector(),
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
