"""Chat Completions without I/O: what is text, what is an end, what is a fault."""

from __future__ import annotations

import json

import pytest

from voiceserver.config import TextProvider
from voiceserver.engines.base import Message, Shortened, TextRequest
from voiceserver.engines.providers.chat_wire import (
    MAX_ANSWER_BYTES,
    ChatStream,
    request_body,
)
from voiceserver.errors import EngineFailed
from voiceserver.tools import Tool, ToolCall, ToolUse

ASK = TextRequest((Message("user", "is the light on"),), "Be brief.", 32)


def event(delta: object, finish: str | None = None, index: int = 0) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()


def test_text_is_passed_on_and_reasoning_is_not() -> None:
    """Only ``content`` of the first choice is text."""
    stream = ChatStream("p")
    assert stream.feed(event({"role": "assistant", "content": ""})) == []
    assert stream.feed(event({"reasoning_content": "hm"})) == []
    assert stream.feed(event({"content": "no"}, index=1)) == []
    assert stream.feed(event({"content": "Yes."})) == ["Yes."]
    assert stream.feed(event({}, "stop") + b"data: [DONE]\n\n") == []
    assert stream.done
    stream.end()


def test_nothing_after_the_end_is_passed_on() -> None:
    """What follows ``[DONE]`` is no part of the answer."""
    stream = ChatStream("p")
    ended = event({"content": "a"}) + b"data: [DONE]\n\n"
    assert stream.feed(ended + event({"content": "b"})) == ["a"]


def test_a_finish_reason_alone_is_a_clean_end() -> None:
    """Some servers send no ``[DONE]``."""
    stream = ChatStream("p")
    stream.feed(event({"content": "Yes."}, "length"))
    stream.end()


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"", "broke off"),
        (event({"content": "Yes"}), "broke off"),
        (event({}, "stop"), "empty"),
        (event({"content": "Ye"}, "content_filter"), "content filter"),
    ],
)
def test_an_unclean_end_is_a_fault(sent: bytes, message: str) -> None:
    """No reason to finish, no words, or a filter: not an answer."""
    stream = ChatStream("p")
    stream.feed(sent)
    with pytest.raises(EngineFailed, match=message):
        stream.end()


@pytest.mark.parametrize(
    "data", ["{not json", "[1]", '"text"', '{"error": {"code": "busy"}}', "[" * 9999]
)
def test_what_is_no_chunk_is_a_fault(data: str) -> None:
    """Anything but a chunk object is refused, with no traceback of the parser's."""
    with pytest.raises(EngineFailed):
        ChatStream("p").feed(f"data: {data}\n\n".encode())


@pytest.mark.parametrize(
    "chunk",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": [7]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"content": None}}]},
        {"choices": [{"delta": {"content": ["x"]}}]},
    ],
)
def test_a_chunk_without_text_gives_none(chunk: dict[str, object]) -> None:
    """Usage and roles are passed over."""
    assert ChatStream("p").feed(f"data: {json.dumps(chunk)}\n\n".encode()) == []


def test_an_endless_answer_is_a_fault() -> None:
    """The whole stream is bounded, whatever is in it."""
    stream = ChatStream("p")
    for _ in range(MAX_ANSWER_BYTES // 65536):
        stream.feed(b":" + b"x" * 65534 + b"\n")
    with pytest.raises(EngineFailed, match="too long"):
        stream.feed(b":")


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


def _calls(*parts: dict[str, object]) -> bytes:
    delta = {"delta": {"tool_calls": list(parts)}}
    return f"data: {json.dumps({'choices': [delta]})}\n\n".encode()


def test_calls_of_functions_are_put_together() -> None:
    """Two at once, in pieces; each piece shows that the model is at work."""
    stream = ChatStream("p")
    first = {"index": 0, "id": "a", "function": {"name": "look", "arguments": '{"x"'}}
    second = {"index": 1, "id": "b", "function": {"name": "wait", "arguments": ""}}
    assert stream.feed(_calls(first, second)) == [""]
    assert stream.feed(_calls({"index": 0, "function": {"arguments": ":1}"}})) == [""]
    stream.feed(b"data: [DONE]\n\n")
    stream.end()
    assert stream.last == [
        ToolCall("a", "look", '{"x":1}'),
        ToolCall("b", "wait", "{}"),
    ]


def test_an_answer_cut_by_its_length_says_so() -> None:
    """The provider's own count of tokens is the one that holds."""
    stream = ChatStream("p")
    chunk = {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "length"}]}
    stream.feed(f"data: {json.dumps(chunk)}\n\n".encode())
    stream.end()
    assert stream.last == [Shortened()]


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
