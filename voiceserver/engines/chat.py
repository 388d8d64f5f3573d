"""Text from services with an OpenAI-compatible chat URL, streamed.

Speaks the Chat Completions API (``POST {base_url}/chat/completions``, ``stream``
true) to each configured provider in turn until one gives its first words; after that
an answer is never continued by another. Text and calls of functions are passed on;
reasoning is not content. Breakers and hedging are no business of this module.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from types import TracebackType

import aiohttp

from voiceserver import __version__
from voiceserver.config import TextConfig, TextProvider
from voiceserver.engines.base import TextItem, TextRequest
from voiceserver.engines.chat_wire import ChatStream, error_code, request_body
from voiceserver.errors import ConfigError, EngineFailed

log = logging.getLogger(__name__)

MAX_ERROR_BYTES = 16 * 1024
CONNECTIONS = 100
KEEP_ALIVE_S = 60.0  # idle connections; most servers close theirs after 60 to 75
EOF_WAIT_S = 0.02  # after [DONE], so that the connection can be kept


@dataclass(frozen=True, slots=True)
class ChatLimits:
    """How long a provider may take, in seconds.

    Attributes:
        connect_s: To connect, TLS included.
        first_content_s: To the first words, while another provider is left to try.
        gap_s: Between bytes.
        total_s: For the whole answer.
        warm_s: For opening connections at the start; 0 opens none.
    """

    connect_s: float = 2.0
    first_content_s: float = 0.6
    gap_s: float = 10.0
    total_s: float = 60.0
    warm_s: float = 2.0


@dataclass(frozen=True, slots=True)
class _Route:
    """A provider, ready to be asked."""

    provider: TextProvider
    headers: dict[str, str] = field(repr=False)  # holds the key

    @property
    def name(self) -> str:
        return self.provider.name

    def url(self, path: str) -> str:
        return f"{self.provider.base_url.rstrip('/')}/{path}"


class ChatModel:
    """Answers by the configured providers; a ``TextModel``.

    An async context manager: entering it opens the HTTP session and connections to
    the providers, leaving it closes them.

    Args:
        config: The providers, in order of preference.
        limits: How long they may take.
        environ: Where the keys are read, once.

    Raises:
        ConfigError: If there is no provider, or a key is missing or unusable; names
            provider and variable, never the key.
    """

    def __init__(
        self,
        config: TextConfig,
        limits: ChatLimits | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        if not config.provider:
            raise ConfigError("[text] needs at least one [[text.provider]]")
        self._routes = tuple(_route(provider, environ) for provider in config.provider)
        self._limits = limits or ChatLimits()
        self._session: aiohttp.ClientSession | None = None

    @property
    def name(self) -> str:
        """The provider's name; of several, all in their order."""
        return "|".join(route.name for route in self._routes)

    @property
    def version(self) -> str:
        """The model's name; of several, all in their order."""
        return "|".join(route.provider.model for route in self._routes)

    async def __aenter__(self) -> ChatModel:
        timeout = aiohttp.ClientTimeout(
            total=self._limits.total_s,
            connect=self._limits.connect_s,
            sock_connect=self._limits.connect_s,
            sock_read=self._limits.gap_s,
        )
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=timeout,
            trust_env=False,
        )
        if self._limits.warm_s > 0:
            try:
                async with asyncio.TaskGroup() as group:
                    for route in self._routes:
                        group.create_task(self._warm(self._session, route))
            except BaseException:
                await self._session.close()
                raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _warm(self, session: aiohttp.ClientSession, route: _Route) -> None:
        """Open a connection, so that the first answer need not wait for it."""
        try:
            async with (
                asyncio.timeout(self._limits.warm_s),
                session.get(
                    route.url("models"), headers=route.headers, allow_redirects=False
                ) as response,
            ):
                await _read_up_to(response, MAX_ERROR_BYTES)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            reason = type(error).__name__
            log.warning(
                "a text provider cannot be reached yet",
                extra={"provider": route.name, "reason": reason},
            )
            return
        if status in (401, 403):
            log.warning(
                "a text provider refuses its key",
                extra={"provider": route.name, "key_env": route.provider.key_env},
            )

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        """Stream the answer of the first provider that gives one.

        Closing the generator closes the response, and its connection, at once.

        Raises:
            EngineFailed: If none gives a word; or from then on, if the one that did
                breaks off.
        """
        *others, last = self._routes
        for route in others:
            begun = False
            try:
                async with aclosing(self._begun_in_time(route, request)) as texts:
                    async for text in texts:
                        begun = True
                        yield text
            except EngineFailed as error:
                if begun:
                    raise
                log.warning(
                    "a text provider failed; trying the next",
                    extra={"provider": route.name, "reason": str(error)},
                )
            else:
                return
        async with aclosing(self._attempt(last, request)) as texts:
            async for text in texts:
                yield text

    async def _begun_in_time(
        self, route: _Route, request: TextRequest
    ) -> AsyncGenerator[TextItem, None]:
        async with aclosing(self._attempt(route, request)) as texts:
            try:
                async with asyncio.timeout(self._limits.first_content_s):
                    first = await anext(texts)
            except TimeoutError:
                raise EngineFailed(route.name, "no words in time") from None
            yield first
            async for text in texts:
                yield text

    async def _attempt(
        self, route: _Route, request: TextRequest
    ) -> AsyncGenerator[TextItem, None]:
        """Ask one provider; raises nothing but ``EngineFailed`` of its faults."""
        response = await self._ask(route, request)
        try:
            await _check(route, response)
            stream = ChatStream(route.name)
            while not stream.done and (chunk := await _read(route, response)):
                for text in stream.feed(chunk):
                    yield text
            stream.end()
            for item in stream.last:
                yield item
            await _settle(response)
        finally:
            response.close()  # a response read to its end has given its connection back

    async def _ask(self, route: _Route, request: TextRequest) -> aiohttp.ClientResponse:
        if self._session is None:
            raise EngineFailed(route.name, "is not open")
        try:
            try:
                return await self._post(self._session, route, request)
            except aiohttp.ClientConnectorError:
                raise
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                # A kept connection was closed just as it was taken: ask once more.
                return await self._post(self._session, route, request)
        except TimeoutError:
            raise EngineFailed(route.name, "did not answer in time") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Not its text, which may quote the headers.
            reason = type(error).__name__
            raise EngineFailed(route.name, f"cannot be reached ({reason})") from None

    async def _post(
        self, session: aiohttp.ClientSession, route: _Route, request: TextRequest
    ) -> aiohttp.ClientResponse:
        return await session.post(
            route.url("chat/completions"),
            data=request_body(route.provider, request),
            headers=route.headers,
            allow_redirects=False,
        )


def _route(provider: TextProvider, environ: Mapping[str, str]) -> _Route:
    headers = {
        "Content-Type": "application/json",
        "Accept": "text/event-stream",
        "Accept-Encoding": "identity",  # compression holds deltas back
        "User-Agent": f"voiceserver/{__version__}",
    }
    if provider.key_env:
        where = f"[[text.provider]] {provider.name!r}: environment variable"
        key = environ.get(provider.key_env, "").strip()
        if not key:
            raise ConfigError(
                f"{where} {provider.key_env} is not set; it must hold the key"
            )
        if not (key.isascii() and key.isprintable()):
            raise ConfigError(
                f"{where} {provider.key_env} holds characters no key can have"
            )
        headers["Authorization"] = f"Bearer {key}"
    return _Route(provider, headers)


async def _check(route: _Route, response: aiohttp.ClientResponse) -> None:
    """Refuse any response but a stream.

    Raises:
        EngineFailed: Saying what the status means.
    """
    status = response.status
    if status == 200:
        kind = response.content_type
        if kind != "text/event-stream":
            raise EngineFailed(route.name, f"answered with {kind}, not a stream")
        return
    code = await _code_in(response)
    match status:
        case 401 | 403:
            what = "refused the key"
        case 404:
            what = "does not know the address or the model"
        case 429:
            what = "is over its rate limit"
        case _ if status >= 500:
            what = "has a fault"
        case _:
            what = "refused the request"
    log.warning(
        "a text provider answered with an error",
        extra={"provider": route.name, "status": status, "code": code},
    )
    raise EngineFailed(route.name, f"{what} (HTTP {status}{code})")


async def _code_in(response: aiohttp.ClientResponse) -> str:
    """Return the code in an error's body, e.g. ``", model_not_found"``."""
    try:
        body = await _read_up_to(response, MAX_ERROR_BYTES)
        return error_code(json.loads(body))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError):
        return ""


async def _read(route: _Route, response: aiohttp.ClientResponse) -> bytes:
    """Return the next bytes of the body; none at its end."""
    try:
        return await response.content.readany()
    except TimeoutError:
        raise EngineFailed(route.name, "stopped in its answer") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        reason = type(error).__name__
        raise EngineFailed(route.name, f"its answer broke off ({reason})") from None


async def _read_up_to(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read the body to its end, or to a little beyond the limit."""
    body = b""
    while len(body) < limit and (chunk := await response.content.readany()):
        body += chunk
    return body


async def _settle(response: aiohttp.ClientResponse) -> None:
    """Read what follows the end of the answer, so that the connection is kept."""
    try:
        async with asyncio.timeout(EOF_WAIT_S):
            await _read_up_to(response, MAX_ERROR_BYTES)
    except (aiohttp.ClientError, TimeoutError, OSError):
        return
