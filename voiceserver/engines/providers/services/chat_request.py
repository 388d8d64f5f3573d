"""A request as JSON of the Chat Completions API; pure.

What a service has refused is left out or put otherwise. Knows nothing of answers.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from voiceserver.config import TextProvider
from voiceserver.engines.base import Message, TextRequest
from voiceserver.engines.providers.unspoken.unicode import without_halves
from voiceserver.languages import named
from voiceserver.tools import ToolUse

# Services that refuse ``max_tokens`` for their newer models.
_COMPLETION_TOKENS_HOSTS = ("api.openai.com", ".openai.azure.com")


# Members that an answer can do without, and what of the request is in other words.
_OPTIONAL = ("max_completion_tokens", "max_tokens", "stream_options", "logprobs")
_ALTERNATING = "alternating roles"
_HELLO = "Hello."  # where nobody has said anything, which many templates refuse
_ABOUT_A_VALUE = re.compile(r"(?i)at least|at most|minimum|maximum|too (?:large|small)")
_ABOUT_ROLES = re.compile(r"(?i)\balternat|\broles? must\b")


@dataclass(frozen=True, slots=True)
class Refused:
    """What a service has refused, and does without.

    Attributes:
        members: Names of members of the request, or how its messages are ordered.
    """

    members: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """As ``check`` names it."""
        return ", ".join(sorted(self.members))

    def after(self, body: bytes, error: str) -> Refused | None:
        """What to leave out the next time; None if the error names nothing new.

        Args:
            body: The request that was refused.
            error: What the service said; it is looked through and not kept.
        """
        sent = json.loads(body)
        found = {
            name
            for name in _OPTIONAL
            if name in sent and re.search(rf"\b{name}\b", error)
        }
        if _ABOUT_ROLES.search(error):
            found.add(_ALTERNATING)
        new = found - self.members
        return Refused(self.members | new) if new else None


def is_about_a_value(error: str) -> bool:
    """Whether a member was refused for what it was this time, and not at all."""
    return bool(_ABOUT_A_VALUE.search(error))


def request_body(
    provider: TextProvider, request: TextRequest, refused: Refused | None = None
) -> bytes:
    """Write a request as JSON of the Chat Completions API."""
    left_out = refused.members if refused else frozenset[str]()
    body: dict[str, Any] = dict(provider.extra) | {
        "model": provider.model,
        "messages": chat_messages(request, _ALTERNATING in left_out),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if provider.logprobs:
        body["logprobs"] = True
    names = _token_limit_keys(provider)
    if request.max_output_tokens > 0 and not provider.extra.keys() & set(names):
        name = next((name for name in names if name not in left_out), "")
        if name:
            body[name] = request.max_output_tokens
    body |= tool_fields(request.tools)
    body = {name: value for name, value in body.items() if name not in left_out}
    return json.dumps(body).encode()


def chat_messages(
    request: TextRequest, alternating: bool = False
) -> list[dict[str, Any]]:
    """Return one system message, first, with all later notes; then who said what.

    Many templates refuse a second one, and a conversation without a user.
    """
    notes = [request.instructions] if request.instructions else []
    said = []
    for message in request.messages:
        if message.role == "system":
            notes += [message.text] if message.text else []
        elif message.text or message.calls or message.role == "tool":
            said.append(_message(message))
    if request.language:
        name = named(request.language)
        notes.append(f"The user speaks {name} ({request.language}); answer in {name}.")
    if alternating:
        said = _in_turn(said)
    elif not any(message["role"] in ("user", "tool") for message in said):
        said.append({"role": "user", "content": _HELLO})
    if not notes:
        return said
    return [{"role": "system", "content": without_halves("\n\n".join(notes))}, *said]


def _in_turn(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """User and assistant in turn, the user first and last; calls as they are."""
    turns: list[dict[str, Any]] = []
    for message in said:
        role, before = message["role"], turns[-1] if turns else {}
        joins = role == before.get("role") and role in ("user", "assistant")
        if joins and "tool_calls" not in before and "tool_calls" not in message:
            text = f"{before['content']}\n{message['content']}"
            turns[-1] = {"role": role, "content": text}
        else:
            turns.append(message)
    hello = {"role": "user", "content": _HELLO}
    if not turns or turns[0]["role"] != "user":
        turns.insert(0, hello)
    if turns[-1]["role"] == "assistant":
        turns.append(hello)
    return turns


def _message(message: Message) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "role": message.role,
        "content": without_halves(message.text),
    }
    if message.role == "tool":
        fields["tool_call_id"] = message.call_id
    if message.calls:
        fields["content"] = fields["content"] or None
        fields["tool_calls"] = [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.calls
        ]
    return fields


def tool_fields(use: ToolUse) -> dict[str, Any]:
    """Return the functions that may be called, and whether they must be."""
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


def _token_limit_keys(provider: TextProvider) -> tuple[str, ...]:
    """Names of the limit, the one to try first; a service may refuse it."""
    host = urlsplit(provider.base_url).hostname or ""
    newer = any(host == h or host.endswith(h) for h in _COMPLETION_TOKENS_HOSTS)
    names = ("max_completion_tokens", "max_tokens")
    return names if newer else names[::-1]
