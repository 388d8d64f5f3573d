"""Text from one service with an OpenAI-compatible chat URL, streamed.

Speaks the Chat Completions API (``POST {base_url}/chat/completions``, ``stream``
true). How its many imitators' streams are read is known to ``chat_stream``; what to do
when it fails, and whom to ask next, is the business of ``text_chain``.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Mapping

from voiceserver.budget import Spent
from voiceserver.config import TextProvider
from voiceserver.engines.base import TextItem, TextRequest
from voiceserver.engines.notes import Probable
from voiceserver.engines.providers.costs import charged
from voiceserver.engines.providers.services.chat_request import (
    Refused,
    is_about_a_value,
    request_body,
)
from voiceserver.engines.providers.services.chat_stream import ChatStream
from voiceserver.engines.providers.services.http import (
    HttpResponse,
    Transport,
    key_headers,
    read_up_to,
)
from voiceserver.engines.providers.services.service_errors import (
    MAX_ERROR_BYTES,
    error_code,
    error_in,
    status_failure,
)
from voiceserver.engines.providers.unspoken.thoughts import opens_thoughts
from voiceserver.errors import ProviderFailed

log = logging.getLogger(__name__)

MAX_TOKENS = 4096  # of an answer that is not bounded; only what it may cost is said so
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
        response, body = await self._send(request)
        stream = self._stream(request, response)
        try:
            while chunk := await _more(stream, response):
                texts = stream.feed(chunk)
                if stream.logprobs:
                    request.observe(Probable(stream.logprobs))
                    stream.logprobs = ()
                for text in texts:
                    yield text
            for text in stream.end():
                yield text
            self._opened = stream.opened
            for item in stream.last:
                yield item
            await response.settle()
        finally:
            response.close()
            request.observe(self._spent(stream, len(body)))

    def at_most_usd(self, request: TextRequest) -> float:
        """What an answer to a request can cost, in USD: each byte sent is a token.

        An answer without a bound is taken to be no longer than ``MAX_TOKENS``.
        """
        sent = len(request_body(self.provider, request, self.refused))
        written = request.max_output_tokens or MAX_TOKENS
        return (sent * self.provider.price_in + written * self.provider.price_out) / 1e6

    def _spent(self, stream: ChatStream | None, sent_bytes: int) -> Spent:
        """What an answer cost, told or, when it was broken off, estimated."""
        tokens_in, tokens_out = sent_bytes // 4, stream.n_deltas if stream else 0
        if stream is not None and stream.usage is not None:
            tokens_in, tokens_out = stream.usage
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
            self.provider.expect_fingerprint,
        )

    async def _send(self, request: TextRequest) -> tuple[HttpResponse, bytes]:
        """Ask; what the service refuses of the request it is asked once without.

        It is remembered once it was of use, and not where only its value was refused.

        Raises:
            ProviderFailed: If the answer has another status than that of success.
        """
        refused, keep = self.refused, True
        url = self._url("chat/completions")
        for _ in range(MAX_ASKED):
            body = request_body(self.provider, request, refused)
            spent = self._spent(None, len(body))
            with charged(request.observe, spent):
                response = await self._transport.send(
                    self.name, "POST", url, self._headers, body
                )
            if response.status == 200:
                if refused is not self.refused and keep:
                    self.refused = refused
                return response, body
            try:
                error = await error_in(response)
            finally:
                response.close()
            more = None
            if response.status in (400, 422, 500):
                more = refused.after(body, error)
            if more is None:
                break
            refused, keep = more, keep and not is_about_a_value(error)
        log.warning(
            "a text provider answered with an error",
            extra={
                "provider": self.name,
                "status": response.status,
                "code": error_code(error),
            },
        )
        raise status_failure(self.name, response, error)


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
