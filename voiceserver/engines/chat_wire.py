"""The Chat Completions API without I/O: requests to bytes, streamed bytes to text.

OpenAI's API as its many imitators speak it, so it is read forgivingly; but an answer
that broke off, is empty or too long is an error. Knows nothing of HTTP.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from voiceserver.config import TextProvider
from voiceserver.engines.base import TextRequest
from voiceserver.engines.sse import SseParser
from voiceserver.errors import EngineFailed

MAX_ANSWER_BYTES = 4 * 1024 * 1024  # of one stream, protocol included
# Services that refuse ``max_tokens`` for their newer models.
_COMPLETION_TOKENS_HOSTS = ("api.openai.com", ".openai.azure.com")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class ChatStream:
    """Reads one streamed answer, without I/O.

    Args:
        source: Name of the provider, for error messages.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._parser = SseParser(source)
        self._n_bytes = 0
        self._has_content = False
        self._finish_reason = ""
        self.done = False

    def feed(self, chunk: bytes) -> list[str]:
        """Add bytes of the response; return the text they complete.

        Raises:
            EngineFailed: If they are no answer, or the answer is too long.
        """
        self._n_bytes += len(chunk)
        if self._n_bytes > MAX_ANSWER_BYTES:
            raise EngineFailed(self._source, "its answer is too long")
        texts = []
        for event in self._parser.feed(chunk):
            if self.done:
                break
            if event.data.strip() == "[DONE]":
                self.done = True
            elif text := self._delta(event.data):
                self._has_content = True
                texts.append(text)
        return texts

    def end(self) -> None:
        """Say that the response has ended.

        Raises:
            EngineFailed: If the answer had not, or was empty.
        """
        if not (self.done or self._finish_reason):
            raise EngineFailed(self._source, "its answer broke off")
        if self._finish_reason == "content_filter":
            raise EngineFailed(self._source, "its content filter stopped the answer")
        if not self._has_content:
            raise EngineFailed(self._source, "its answer was empty")

    def _delta(self, data: str) -> str:
        """Return the text in one chunk object, if any."""
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            raise EngineFailed(self._source, "sent what is not JSON") from None
        if not isinstance(chunk, dict):
            raise EngineFailed(self._source, "sent what is no chat chunk")
        if chunk.get("error"):
            code = error_code(chunk)
            raise EngineFailed(self._source, f"reported an error{code}")
        choices = chunk.get("choices")
        # The usage chunk, and Azure's first one, have no choices.
        if not isinstance(choices, list) or not choices:
            return ""
        choice = choices[0]
        if not isinstance(choice, dict) or choice.get("index", 0) != 0:
            return ""
        if isinstance(reason := choice.get("finish_reason"), str):
            self._finish_reason = reason
        delta = choice.get("delta")
        content = delta.get("content") if isinstance(delta, dict) else None
        return content if isinstance(content, str) else ""


def request_body(provider: TextProvider, request: TextRequest) -> bytes:
    """Write a request as JSON of the Chat Completions API."""
    messages = [
        {"role": message.role, "content": message.text}
        for message in request.messages
        if message.text
    ]
    if request.instructions:
        messages.insert(0, {"role": "system", "content": request.instructions})
    body: dict[str, Any] = {
        "model": provider.model,
        "messages": messages,
        "stream": True,
    }
    if request.max_output_tokens > 0:
        body[_token_limit_key(provider)] = request.max_output_tokens
    return json.dumps(body).encode()


def _token_limit_key(provider: TextProvider) -> str:
    host = urlsplit(provider.base_url).hostname or ""
    newer = any(host == h or host.endswith(h) for h in _COMPLETION_TOKENS_HOSTS)
    return "max_completion_tokens" if newer else "max_tokens"


def error_code(document: object) -> str:
    """Return the code in an error document, e.g. ``", model_not_found"``, or nothing.

    Only a code is passed on: messages may quote the prompt or parts of the key.
    """
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict):
        for key in ("code", "type"):
            code = error.get(key)
            if isinstance(code, str) and _CODE.fullmatch(code):
                return f", {code}"
    return ""
