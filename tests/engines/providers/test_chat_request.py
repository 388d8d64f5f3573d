"""Requests as the Chat Completions API has them."""

from __future__ import annotations

import json

from voiceserver.config import TextProvider
from voiceserver.engines.base import Message, TextRequest
from voiceserver.engines.providers.chat_request import request_body
from voiceserver.tools import Tool, ToolCall, ToolUse

ASK = TextRequest((Message("user", "is the light on"),), "Be brief.", 32)


def test_the_request_carries_instructions_and_limit() -> None:
    """Instructions come first; empty messages are left out."""
    provider = TextProvider("p", "http://localhost/v1", "m")
    request = TextRequest(
        (Message("user", "hi"), Message("assistant", ""), Message("user", "you?")),
        "Be brief.",
        32,
    )
    assert json.loads(request_body(provider, request)) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "hi"},
            {"role": "user", "content": "you?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 32,
    }


def test_openai_gets_the_limit_by_its_newer_name() -> None:
    """Its newer models refuse ``max_tokens``; without a limit none is sent."""
    provider = TextProvider("p", "https://api.openai.com/v1", "m")
    assert json.loads(request_body(provider, ASK))["max_completion_tokens"] == 32
    assert "max_" not in request_body(provider, TextRequest(ASK.messages)).decode()


def test_tools_calls_and_results_are_sent_as_the_api_has_them() -> None:
    """A forced function, the call, and its result."""
    look = Tool("look", "See.", {"type": "object"})
    messages = (
        Message("assistant", "", (ToolCall("a", "look", "{}"),)),
        Message("tool", "blue", call_id="a"),
    )
    request = TextRequest(messages, tools=ToolUse((look,), "=look"))
    body = json.loads(request_body(TextProvider("p", "http://x/v1", "m"), request))
    call, result = body["messages"]
    assert call["tool_calls"][0]["function"] == {"name": "look", "arguments": "{}"}
    assert result == {"role": "tool", "content": "blue", "tool_call_id": "a"}
    assert body["tools"][0]["function"]["name"] == "look"
    assert body["tool_choice"] == {"type": "function", "function": {"name": "look"}}
