"""A request as JSON of the Chat Completions API; pure.

What a service has refused is left out or put otherwise. Knows nothing of answers.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from voiceserver.config import TextProvider
from voiceserver.engines.base import Message, TextRequest
from voiceserver.tools import ToolUse

# Services that refuse ``max_tokens`` for their newer models.
_COMPLETION_TOKENS_HOSTS = ("api.openai.com", ".openai.azure.com")


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
