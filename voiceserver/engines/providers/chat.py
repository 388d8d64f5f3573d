"""Text from one service with an OpenAI-compatible chat URL, streamed.

Speaks the Chat Completions API (``POST {base_url}/chat/completions``, ``stream``
true). Words and calls of functions are passed on; reasoning is not content. What to do
when it fails, and whom to ask next, is the business of ``text_chain``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncGenerator, Mapping

from voiceserver.budget import Spent
from voiceserver.config import TextProvider
from voiceserver.engines.base import TextItem, TextRequest
from voiceserver.engines.providers.chat_request import (
    Refused,
    is_about_a_value,
    request_body,
)
from voiceserver.engines.providers.chat_wire import ChatStream, error_code
from voiceserver.engines.providers.http import (
    HttpResponse,
    Transport,
    key_headers,
    read_up_to,
    status_failure,
)
from voiceserver.engines.providers.thoughts import opens_thoughts
from voiceserver.errors import ProviderFailed

log = logging.getLogger(__name__)

MAX_ERROR_BYTES = 16 * 1024
USAGE_WAIT_S = 0.3
MAX_ASKED = 4  # times, each without something that was refused


class ChatModel:
    """Answers by one provider; a ``TextModel``.

    Args:
        provider: Whom to ask.
        transport: Sends the requests.
        environ: Where the key is read, once.

    Attributes:
        provider: As given.
        refused: What of a request the service was found to refuse.

    Raises:
        ConfigError: If the key is missing or unusable; names provider and variable,
            never the key.
    """

    def __init__(
        self,
        provider: TextProvider,
        transport: Transport,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.provider = provider
        self._transport = transport
        self.refused = Refused()
        self._opened = opens_thoughts(provider.model)
        azure = provider.dialect == "azure_v1"
        self._headers = key_headers(
            environ,
            provider.key_env,
            "api-key" if azure else "Authorization",
            "" if azure else "Bearer ",
            f"[[text.provider]] {provider.name!r}",
        ) | {"Content-Type": "application/json", "Accept": "text/event-stream"}

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.provider.name

    @property
    def version(self) -> str:
        """The pinned model, or the one asked for."""
        return self.provider.expect_model or self.provider.model

    def _url(self, path: str) -> str:
        return f"{self.provider.base_url.rstrip('/')}/{path}"

    async def warm(self) -> None:
        """Open a connection, so that the next answer need not wait for it.

        Raises:
            ProviderFailed: If there is none to be had, or the key is refused.
        """
        response = await self._transport.send(
            self.name, "GET", self._url("models"), self._headers
        )
        try:
            await read_up_to(response, 64 * MAX_ERROR_BYTES)
            if response.status in (401, 403):
                raise status_failure(self.name, response, "")
        finally:
            response.close()

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        """Stream the answer; what it cost is noted at its end, however it ends.

        Closing the generator closes the response, and its connection, at once.

        Raises:
            ProviderFailed: If the provider fails, before or between words.
        """
        body = b""
        stream = ChatStream(self.name, self.provider.expect_model)
        asked = False
        response: HttpResponse | None = None
        try:
            response, body = await self._send(request)
            asked = True
            stream = self._stream(request, response)
            while chunk := await _more(stream, response):
                for text in stream.feed(chunk):
                    yield text
            for text in stream.end():
                yield text
            self._opened = stream.opened
            for item in stream.last:
                yield item
            await response.settle()
        finally:
            if response is not None:
                response.close()
            if asked:
                request.observe(self._spent(stream, len(body)))

    def _spent(self, stream: ChatStream, sent_bytes: int) -> Spent:
        """What an answer cost, told or, when it was broken off, estimated."""
        tokens_in, tokens_out = stream.usage or (sent_bytes // 4, stream.n_deltas)
        provider = self.provider
        cost = tokens_in * provider.price_in + tokens_out * provider.price_out
        return Spent(tokens_in, tokens_out, 0, cost / 1e6)

    def _stream(self, request: TextRequest, response: HttpResponse) -> ChatStream:
        return ChatStream(
            self.name,
            self.provider.expect_model,
            response.content_type,
            self._opened,
            [tool.name for tool in request.tools.tools],
            request.life,
        )

    async def _send(self, request: TextRequest) -> tuple[HttpResponse, bytes]:
        """Ask; what the service refuses of the request it is asked once without.

        It is remembered once it was of use, and not where only its value was refused.

        Raises:
            ProviderFailed: If the answer has another status than that of success.
        """
        refused, keep = self.refused, True
        for _ in range(MAX_ASKED):
            body = request_body(self.provider, request, refused)
            response = await self._transport.send(
                self.name, "POST", self._url("chat/completions"), self._headers, body
            )
            if response.status == 200:
                if refused is not self.refused and keep:
                    self.refused = refused
                return response, body
            try:
                error = await _error_in(response)
            finally:
                response.close()
            more = None
            if response.status in (400, 422, 500):
                more = refused.after(body, error)
            if more is None:
                break
            refused, keep = more, keep and not is_about_a_value(error)
        code = _code_in(error)
        log.warning(
            "a text provider answered with an error",
            extra={"provider": self.name, "status": response.status, "code": code},
        )
        raise status_failure(self.name, response, code)


async def _more(stream: ChatStream, response: HttpResponse) -> bytes:
    """Return the next bytes; none at the end of the answer.

    Once its words are complete only what they cost may follow, which is not waited
    for long: some keep the connection open, or drop it.
    """
    if stream.done:
        return b""
    if not stream.finished:
        return await response.read()
    try:
        async with asyncio.timeout(USAGE_WAIT_S):
            return await response.read()
    except (TimeoutError, ProviderFailed):
        return b""


async def _error_in(response: HttpResponse) -> str:
    """Return an error's body; its text may quote the prompt, so it is never shown."""
    try:
        return (await read_up_to(response, MAX_ERROR_BYTES)).decode(errors="replace")
    except ProviderFailed:
        return ""


def _code_in(error: str) -> str:
    """Return the code in an error's body, e.g. ``", model_not_found"``."""
    try:
        return error_code(json.loads(error))
    except (ValueError, RecursionError):
        return ""
