"""The Chat Completions API without I/O: requests to bytes, streamed bytes to text.

OpenAI's API as its many imitators speak it, so it is read forgivingly; but an answer
that broke off, is empty or too long is an error. Knows nothing of HTTP.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from voiceserver.config import TextProvider
from voiceserver.engines.base import Message, Shortened, TextItem, TextRequest
from voiceserver.engines.providers.sse import SseParser
from voiceserver.errors import ProviderFailed
from voiceserver.tools import ToolCall, ToolUse

MAX_CALLS = 32  # of one answer
MAX_ANSWER_BYTES = 4 * 1024 * 1024  # of one stream, protocol included
# Services that refuse ``max_tokens`` for their newer models.
_COMPLETION_TOKENS_HOSTS = ("api.openai.com", ".openai.azure.com")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(slots=True)
class _PartialCall:
    id: str = ""
    name: str = ""
    arguments: str = ""


class ChatStream:
    """Reads one streamed answer, without I/O.

    Args:
        source: Name of the provider, for error messages.
        expect_model: The model that must answer; ``""`` takes any.

    Attributes:
        done: Whether the answer is complete.
        usage: Tokens sent and received, once the provider has told them.
        n_deltas: Pieces of the answer so far, words and reasoning.
    """

    def __init__(self, source: str, expect_model: str = "") -> None:
        self._source = source
        self._expect_model = expect_model
        self.usage: tuple[int, int] | None = None
        self.n_deltas = 0
        self._parser = SseParser(source)
        self._n_bytes = 0
        self._has_content = False
        self._finish_reason = ""
        self._calls: dict[int, _PartialCall] = {}
        self.done = False

    @property
    def last(self) -> list[TextItem]:
        """What follows the text, once the answer has ended: calls, or a cut."""
        items: list[TextItem] = [
            ToolCall(call.id or f"call_{index}", call.name, call.arguments or "{}")
            for index, call in sorted(self._calls.items())
            if call.name
        ]
        if self._finish_reason == "length":
            items.append(Shortened())
        return items

    def feed(self, chunk: bytes) -> list[str]:
        """Add bytes of the response; return the text they complete.

        ``""`` says that a call of a function has grown.

        Raises:
            ProviderFailed: If they are no answer, or the answer is too long.
        """
        self._n_bytes += len(chunk)
        if self._n_bytes > MAX_ANSWER_BYTES:
            raise ProviderFailed(self._source, "its answer is too long")
        texts = []
        for event in self._parser.feed(chunk):
            if self.done:
                break
            if event.data.strip() == "[DONE]":
                self.done = True
            elif (text := self._delta(event.data)) is not None:
                self._has_content = True
                texts.append(text)
        return texts

    def end(self) -> None:
        """Say that the response has ended.

        Raises:
            ProviderFailed: If the answer had not, or was empty.
        """
        if not (self.done or self._finish_reason):
            raise ProviderFailed(self._source, "its answer broke off")
        if self._finish_reason == "content_filter":
            raise ProviderFailed(self._source, "its content filter stopped the answer")
        for call in self._calls.values():
            if not _is_object(call.arguments):
                raise ProviderFailed(self._source, "called a tool with broken JSON")
        if not self._has_content:
            raise ProviderFailed(self._source, "its answer was empty")

    def _delta(self, data: str) -> str | None:
        """Return the text in one chunk object; ``""`` for a part of a call."""
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            raise ProviderFailed(self._source, "sent what is not JSON") from None
        if not isinstance(chunk, dict):
            raise ProviderFailed(self._source, "sent what is no chat chunk")
        if chunk.get("error"):
            code = error_code(chunk)
            raise ProviderFailed(self._source, f"reported an error{code}")
        self._identify(chunk)
        choices = chunk.get("choices")
        # The usage chunk, and Azure's first one, have no choices.
        if not isinstance(choices, list) or not choices:
            return None
        choice = choices[0]
        if not isinstance(choice, dict) or choice.get("index", 0) != 0:
            return None
        if isinstance(reason := choice.get("finish_reason"), str):
            self._finish_reason = reason
        delta = choice.get("delta")
        if not isinstance(delta, dict) or not delta:
            return None
        self.n_deltas += 1
        content = delta.get("content")
        if isinstance(content, str) and content:
            return content
        return "" if self._grow_calls(delta.get("tool_calls")) else None

    def _identify(self, chunk: dict[str, Any]) -> None:
        """Look at who answers and what it cost so far."""
        model = chunk.get("model")
        expected = self._expect_model
        # Azure's first chunk, about content filters, names no model.
        if expected and isinstance(model, str) and model and model != expected:
            raise ProviderFailed(
                self._source, "another model answers than expect_model", "pin"
            )
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            counts = (usage.get("prompt_tokens"), usage.get("completion_tokens"))
            if all(isinstance(n, int) and 0 <= n < 10**9 for n in counts):
                self.usage = counts  # type: ignore[assignment]

    def _grow_calls(self, parts: object) -> bool:
        """Take parts of calls; the first part of each has its id and name."""
        if not isinstance(parts, list) or not parts:
            return False
        for position, part in enumerate(parts):
            index = part.get("index", position) if isinstance(part, dict) else None
            if not isinstance(index, int) or not 0 <= index < MAX_CALLS:
                raise ProviderFailed(self._source, "called a tool in no known way")
            call = self._calls.setdefault(index, _PartialCall())
            function = part.get("function")
            if isinstance(call_id := part.get("id"), str):
                call.id = call_id
            if isinstance(function, dict):
                call.name += _text(function.get("name"))
                call.arguments += _text(function.get("arguments"))
        return True


def request_body(provider: TextProvider, request: TextRequest) -> bytes:
    """Write a request as JSON of the Chat Completions API."""
    messages = [
        _message(message)
        for message in request.messages
        if message.text or message.calls or message.role == "tool"
    ]
    if request.instructions:
        messages.insert(0, {"role": "system", "content": request.instructions})
    body: dict[str, Any] = {
        "model": provider.model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if provider.logprobs:
        body["logprobs"] = True
    if request.max_output_tokens > 0:
        body[_token_limit_key(provider)] = request.max_output_tokens
    body |= _tool_fields(request.tools)
    return json.dumps(body).encode()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text or "{}"), dict)
    except (ValueError, RecursionError):
        return False


def _message(message: Message) -> dict[str, Any]:
    fields: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.role == "tool":
        fields["tool_call_id"] = message.call_id
    if message.calls:
        fields["content"] = message.text or None
        fields["tool_calls"] = [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.calls
        ]
    return fields


def _tool_fields(use: ToolUse) -> dict[str, Any]:
    if not use.tools:
        return {}
    choice: object = use.choice
    if use.forced:
        choice = {"type": "function", "function": {"name": use.forced}}
    tools = [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters),
            },
        }
        for tool in use.tools
    ]
    return {"tools": tools, "tool_choice": choice}


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
