"""Requests as the Chat Completions API has them."""

from __future__ import annotations

import json

import pytest

from voiceserver.config import TextProvider
from voiceserver.engines.base import Message, TextRequest
from voiceserver.engines.providers.services.chat_request import Refused, request_body
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


SETTINGS = TextProvider("p", "http://x/v1", "m")


def sent(messages: tuple[Message, ...], refused: Refused | None = None) -> list[str]:
    body = json.loads(request_body(SETTINGS, TextRequest(messages, "Be."), refused))
    return [f"{each['role'][0]}:{each['content']}" for each in body["messages"]]


def test_notes_are_folded_into_the_one_system_message() -> None:
    """Templates refuse a second one, or one that is not the first."""
    messages = (
        Message("user", "hi"),
        Message("system", "Short."),
        Message("user", "?"),
    )
    assert sent(messages) == ["s:Be.\n\nShort.", "u:hi", "u:?"]


def test_the_language_of_the_caller_is_a_note() -> None:
    """Models answer in the language of their instructions else."""
    request = TextRequest((Message("user", "hola"),), "Be.", language="es-MX")
    [system, _] = json.loads(request_body(SETTINGS, request))["messages"]
    note = "The user speaks Spanish (es-MX); answer in Spanish."
    assert system["content"] == f"Be.\n\n{note}"


def test_a_conversation_has_a_user() -> None:
    """Where nobody has spoken the model is greeted."""
    assert sent(()) == ["s:Be.", "u:Hello."]
    assert sent((Message("assistant", "Hi."),)) == ["s:Be.", "a:Hi.", "u:Hello."]


def test_who_insists_gets_roles_in_turn() -> None:
    """User first and last; what one said in a row is joined."""
    error = "Conversation roles must alternate user/assistant/user/assistant/..."
    refused = Refused().after(request_body(SETTINGS, ASK), error)
    messages = (
        Message("assistant", "Hi."),
        Message("user", "a"),
        Message("user", "b"),
        Message("assistant", "c"),
    )
    turns = ["s:Be.", "u:Hello.", "a:Hi.", "u:a\nb", "a:c", "u:Hello."]
    assert sent(messages, refused) == turns


@pytest.mark.parametrize("name", ["max_tokens", "stream_options"])
def test_what_is_refused_is_left_out(name: str) -> None:
    """It is found in the error, however that is written."""
    body = request_body(SETTINGS, ASK)
    refused = Refused().after(body, f'{{"loc": ["body", "{name}"]}}')
    assert refused is not None and str(refused) == name
    assert name not in json.loads(request_body(SETTINGS, ASK, refused))
    assert refused.after(body, f"{name} again") is None
    assert refused.after(body, "something else") is None


def test_a_limit_has_two_names() -> None:
    """The other is tried before it goes without."""
    refused = Refused().after(request_body(SETTINGS, ASK), "max_tokens")
    body = json.loads(request_body(SETTINGS, ASK, refused))
    assert body["max_completion_tokens"] == 32


def test_halves_of_characters_are_not_sent() -> None:
    """A client may have typed one."""
    assert sent((Message("user", "a\ud83d b"),)) == ["s:Be.", "u:a b"]


def test_what_the_operator_adds_is_sent() -> None:
    """Beside what the server says; a limit of the operator's own is the only one."""
    extra = {"temperature": 0.2, "reasoning_effort": "low", "max_tokens": 40}
    provider = TextProvider("p", "http://a/v1", "m", extra=extra)
    request = TextRequest((Message("user", "hi"),), max_output_tokens=512)
    body = json.loads(request_body(provider, request))
    assert {key: body[key] for key in extra} == extra
    assert "max_completion_tokens" not in body
    assert body["model"] == "m"


def test_the_beginning_of_a_conversation_is_sent_alike_each_turn() -> None:
    """Byte by byte, so that a service that remembers prefixes finds them again."""
    provider = TextProvider("p", "http://a/v1", "m")
    said = (Message("user", "hi"), Message("assistant", "Hello."))
    one, other = (
        request_body(provider, TextRequest(messages, "Be short."))
        for messages in (said, (*said, Message("user", "what time is it")))
    )
    begins = one.index(b'"messages"'), one.index(b"]")
    assert other[: begins[1]] == one[: begins[1]]
