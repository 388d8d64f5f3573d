"""HTTP to services that are asked by URL: one session, warm connections, bounded.

Every fault becomes a ``ProviderFailed`` that names the service and quotes neither
headers nor body, but for an error's code. Redirects are never followed: the key would
go along. What else the services say is not known here, so a test can put bytes in its
place.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import aiohttp

from voiceserver import __version__
from voiceserver.errors import ConfigError, ProviderFailed

CONNECTIONS = 100
KEEP_ALIVE_S = 60.0  # idle connections; most servers close theirs after 60 to 75
EOF_WAIT_S = 0.02  # after the end of an answer, so that the connection can be kept
MAX_REST_BYTES = 16 * 1024  # read after it
MAX_ERROR_BYTES = 16 * 1024
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# What services write of a request that no other need fear, whatever the status:
# OpenAI, Azure, vLLM, llama.cpp, Groq and OpenRouter, in their references of errors.
_ABOUT_REQUEST = re.compile(
    r"(?i)context[ _]?(?:length|size|window)|maximum context|too many tokens"
    r"|(?:request|prompt|input) (?:is )?too (?:large|long)|reduce the length"
    r"|content[ _](?:filter|management|policy)|string_above_max_length"
    r"|unsupported_(?:value|parameter)|does not support tool"
)
# What they write where the model or the address is not there for anybody.
_NOWHERE = re.compile(
    r"(?i)\bmodel\b[^{}]{0,200}\bnot (?:found|exist)|(?:model|deployment)_?not_?found"
    r"|no such model|deployment[^{}]{0,200} not exist|resource not found"
    r"|no endpoints found for|\"detail\": ?\"not found\""
)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How long a service may take, in seconds; the stages' own limits are shorter.

    Attributes:
        connect_s: To resolve and connect, TLS included.
        gap_s: Between bytes.
        total_s: For a whole answer; None where it is read no faster than it is spoken,
            and so may last as long as a call.
    """

    connect_s: float = 2.0
    gap_s: float = 10.0
    total_s: float | None = None


class HttpResponse(Protocol):
    """An answer whose head has arrived."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def content_type(self) -> str:
        """Media type without parameters, in lower case."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Other headers; names in any case."""

    async def read(self) -> bytes:
        """Return the next bytes of the body; none at its end.

        Raises:
            ProviderFailed: If it breaks off.
        """

    async def settle(self) -> None:
        """The answer is complete: wait a little for the body's end."""

    def close(self) -> None:
        """Let go of it; a connection whose answer was not read is closed."""


class Head(Protocol):
    """What comes before the body of an answer."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers; names in any case."""


class Transport(Protocol):
    """Sends requests."""

    async def send(
        self,
        source: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
    ) -> HttpResponse:
        """Send a request; return its answer when the head has come.

        Args:
            source: Name of the service, for messages.
            method: ``"GET"`` or ``"POST"``.
            url: Where to.
            headers: May hold a key.
            body: To be sent.

        Raises:
            ProviderFailed: If none comes.
        """


class Http:
    """A ``Transport`` over sockets; an asynchronous context manager."""

    def __init__(self, limits: HttpLimits | None = None) -> None:
        self._limits = limits or HttpLimits()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Http:
        limits = self._limits
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=limits.total_s,
                connect=limits.connect_s,
                sock_connect=limits.connect_s,
                sock_read=limits.gap_s,
            ),
            trust_env=False,
            auto_decompress=False,
        )
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

    async def send(
        self,
        source: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
    ) -> HttpResponse:
        """See ``Transport``."""
        if self._session is None:
            raise ProviderFailed(source, "is not open")
        try:
            try:
                answer = await self._send(self._session, method, url, headers, body)
            except aiohttp.ClientConnectorError:
                raise
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                # A kept connection was closed just as it was taken: ask once more.
                answer = await self._send(self._session, method, url, headers, body)
        except TimeoutError:
            raise ProviderFailed(source, "did not answer in time", "late") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _unreachable(source, error) from None
        return _HttpResponse(source, answer)

    async def _send(
        self,
        session: aiohttp.ClientSession,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> aiohttp.ClientResponse:
        return await session.request(
            method, url, data=body or None, headers=headers, allow_redirects=False
        )


class _HttpResponse:
    """A ``HttpResponse`` of aiohttp's."""

    def __init__(self, source: str, answer: aiohttp.ClientResponse) -> None:
        self._source = source
        self._answer = answer
        self.status = answer.status
        self.content_type = answer.content_type.lower()
        self.headers: Mapping[str, str] = answer.headers

    async def read(self) -> bytes:
        try:
            return await self._answer.content.readany()
        except TimeoutError:
            raise ProviderFailed(
                self._source, "stopped in its answer", "late"
            ) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = type(error).__name__
            raise ProviderFailed(
                self._source, f"its answer broke off ({reason})"
            ) from None

    async def settle(self) -> None:
        try:
            async with asyncio.timeout(EOF_WAIT_S):
                await read_up_to(self, MAX_REST_BYTES)
        except (ProviderFailed, TimeoutError):
            return

    def close(self) -> None:
        self._answer.close()  # read to its end it has given its connection back


def _unreachable(source: str, error: Exception) -> ProviderFailed:
    # Not its text, which may quote the headers.
    reason = type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        what = "its certificate is not trusted, or is another host's"
    elif isinstance(error, aiohttp.ClientConnectorSSLError | aiohttp.ClientSSLError):
        what = "no secure connection can be made; is it http:// perhaps?"
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        what = "its host name is unknown"
    else:
        what = f"cannot be reached ({reason})"
    return ProviderFailed(source, what)


async def read_up_to(response: HttpResponse, limit: int) -> bytes:
    """Read the body to its end, or to a little beyond the limit."""
    body = b""
    while len(body) < limit and (chunk := await response.read()):
        body += chunk
    return body


def key_headers(
    environ: Mapping[str, str], key_env: str, header: str, prefix: str, where: str
) -> dict[str, str]:
    """Return the headers of a request: who asks, and the key.

    Args:
        environ: Where the key is.
        key_env: Its variable; ``""`` for none.
        header: That carries it.
        prefix: Before it.
        where: The table of the configuration, for messages.

    Raises:
        ConfigError: If it is missing or unusable; never quotes it.
    """
    headers = {
        "Accept-Encoding": "identity",  # compression holds deltas back
        "User-Agent": f"voiceserver/{__version__}",
    }
    if not key_env:
        return headers
    key = environ.get(key_env, "").strip()
    if not key:
        raise ConfigError(
            f"{where}: environment variable {key_env} is not set; it must hold the key"
        )
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(
            f"{where}: environment variable {key_env} holds characters no key can have"
        )
    headers[header] = f"{prefix}{key}"
    return headers


def status_failure(source: str, response: Head, error: str) -> ProviderFailed:
    """Say what an HTTP status other than 200 means, and whose fault it is.

    Args:
        source: Name of the service.
        response: Its answer, or the head of it.
        error: Its body, as far as it was read; looked through, and but for a code not
            passed on: it may quote the prompt, or parts of the key.
    """
    status, kind, retry_after_s = response.status, fault_of(response.status, error), 0.0
    if status == 429 or status >= 500:
        retry_after_s = _seconds(response.headers.get("Retry-After", ""))
    if kind == "refused":
        retry_after_s = 0.0  # it is about this request alone
    message = f"{_meaning(status)} (HTTP {status}{error_code(error)})"
    return ProviderFailed(source, message, kind, retry_after_s)


def _meaning(status: int) -> str:
    match status:
        case 401:
            return "refused the key"
        case 402:
            return "wants to be paid"
        case 403:
            return "refused the request or the key"
        case 404:
            return "does not know the address or the model"
        case 408:
            return "did not answer in time"
        case 429:
            return "is over its rate limit"
        case _ if 300 <= status < 400:
            return "sends elsewhere, which is not followed"
        case _ if 400 <= status < 500:
            return "refused the request"
        case _ if status >= 500:
            return "has a fault"
    return "answered in no known way"


def fault_of(status: int, error: str) -> str:
    """Whose fault an error is, as a kind of ``ProviderFailed``.

    By the status, and by what the body says where services use one status for both:
    a context that is too long comes with 400, 413, 429 or 500; a 404 is an address, a
    model, or a function that this model cannot call; a 402 an account, or an answer
    longer than what is left on it.

    Args:
        status: HTTP's; 200 where the error came in the answer.
        error: The body.
    """
    about_request = bool(_ABOUT_REQUEST.search(error))
    match status:
        case 401:
            return "misconfigured"
        case 404:
            nowhere = _NOWHERE.search(error) or not error.lstrip().startswith("{")
            return "misconfigured" if nowhere else "doubtful"
        case 402:
            return "doubtful"
        case 408:
            return "late"
        case 429:
            return "refused" if about_request else "busy"
        case _ if 300 <= status < 400:
            return "misconfigured"
        case _ if 400 <= status < 500 or about_request:
            return "refused"
    return "error"


def _seconds(text: str) -> float:
    """Read ``Retry-After``; a date or nonsense counts as not given."""
    text = text.strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0


def error_code(error: str) -> str:
    """Return the code in an error's body, e.g. ``", model_not_found"``, or nothing.

    Only a code is passed on: messages may quote the prompt or parts of the key.
    """
    try:
        document = json.loads(error)
    except (ValueError, RecursionError):
        return ""
    fields = document.get("error") if isinstance(document, dict) else None
    if isinstance(fields, dict):
        for key in ("code", "type"):
            code = fields.get(key)
            if isinstance(code, str) and _CODE.fullmatch(code):
                return f", {code}"
    return ""


async def error_in(response: HttpResponse) -> str:
    """Return the body of an answer that is an error; ``""`` if it breaks off."""
    try:
        body = await read_up_to(response, MAX_ERROR_BYTES)
    except ProviderFailed:
        return ""
    return body.decode(errors="replace")
