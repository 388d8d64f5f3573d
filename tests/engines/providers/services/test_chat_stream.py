"""One streamed answer, as imitators of the protocol send it."""

from __future__ import annotations

import json

import pytest

from voiceserver.engines.base import Shortened
from voiceserver.engines.providers.services.chat_stream import (
    MAX_ANSWER_BYTES,
    ChatStream,
)
from voiceserver.errors import EngineFailed, ProviderFailed
from voiceserver.tools import ToolCall


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
        {"choices": [{"delta": {"content": [{"type": "image"}]}}]},
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


def whole(stream: ChatStream, *chunks: bytes) -> str:
    """All the text of a stream, to its end."""
    given = [text for chunk in chunks for text in stream.feed(chunk)]
    return "".join([*given, *stream.end()])


STOP = event({}, "stop")


@pytest.mark.parametrize("tail", [STOP, STOP.rstrip(), STOP + b"data: [DONE]"])
def test_an_answer_may_lack_its_last_empty_line(tail: bytes) -> None:
    """It is whole all the same, its words and its end."""
    assert whole(ChatStream("p"), event({"content": "Yes."}), tail) == "Yes."
    last = event({"content": "Yes."}, "stop").rstrip()
    assert whole(ChatStream("p"), last) == "Yes."


@pytest.mark.parametrize("tail", [b"", b"data: [DONE]\n\n", STOP[:-9]])
def test_an_answer_without_a_reason_to_finish_is_broken_off(tail: bytes) -> None:
    """Some gateways end a stream properly that broke behind them."""
    with pytest.raises(EngineFailed, match="broke off"):
        whole(ChatStream("p"), event({"content": "Yes"}), tail)


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", ""])
@pytest.mark.parametrize("head", [b"", b"\xef\xbb\xbf", b": hello\n\n", b"\n"])
@pytest.mark.parametrize("size", [1, 1000])
def test_events_are_known_by_their_first_bytes(
    kind: str, head: bytes, size: int
) -> None:
    """Whatever the response calls itself."""
    sent = head + event({"content": "Yes."}) + STOP
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    assert whole(ChatStream("p", kind=kind), *pieces) == "Yes."


def test_an_answer_that_is_not_streamed_is_read() -> None:
    """One document in place of a stream."""
    choice = {"index": 0, "message": {"content": "Yes."}, "finish_reason": "stop"}
    sent = json.dumps({"choices": [choice]}).encode()
    stream = ChatStream("p", kind="application/json")
    assert whole(stream, sent[:9], sent[9:]) == "Yes."


@pytest.mark.parametrize("page", [b"<html>", b"Not found", b"da"])
def test_what_is_no_stream_is_refused(page: bytes) -> None:
    """It is named by its media type."""
    with pytest.raises(EngineFailed, match="text/html, not a stream"):
        whole(ChatStream("p", kind="text/html"), page)


@pytest.mark.parametrize("last", ["Yes.", [{"type": "text", "text": "Yes."}]])
def test_content_may_be_a_list_of_parts(last: object) -> None:
    """Thoughts among them are none of the answer."""
    mused = {
        "type": "thinking",
        "thinking": [{"type": "text", "text": "The user asks"}],
    }
    sent = [event({"content": [mused]}), event({"content": last}), STOP]
    assert whole(ChatStream("p"), *sent) == "Yes."


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["Done \ud83d", "\ude00 now."], "Done \U0001f600 now."),
        (["Done \udcaf", "now."], "Done now."),
        (["Done \ud83d", " now."], "Done  now."),
        (["Done \ud83d"], "Done "),
    ],
)
def test_halves_of_characters_are_joined_or_left_out(
    pieces: list[str], text: str
) -> None:
    """Nothing leaves that cannot be encoded."""
    sent = [event({"content": piece}) for piece in pieces]
    told = whole(ChatStream("p"), *sent, STOP)
    assert told == text
    told.encode()


def test_thoughts_in_the_text_are_no_answer() -> None:
    """Alone they are an empty one."""
    sent = [event({"content": piece}) for piece in ("<th", "ink>hm</thi", "nk>Yes.")]
    assert whole(ChatStream("p"), *sent, STOP) == "Yes."
    with pytest.raises(EngineFailed, match="empty"):
        whole(ChatStream("p"), sent[0], sent[1], STOP)


def test_arguments_as_an_object_are_kept() -> None:
    """They never become an empty object."""
    stream = ChatStream("p")
    function = {"name": "look", "arguments": {"city": "Rome"}}
    assert stream.feed(_calls({"index": 0, "id": "a", "function": function})) == [""]
    stream.feed(b"data: [DONE]\n\n")
    stream.end()
    assert stream.last == [ToolCall("a", "look", '{"city": "Rome"}')]


def test_a_written_call_is_not_spoken() -> None:
    """It is made, where the function is offered."""
    stream = ChatStream("p", offered=["look"])
    written = '{"name": "look", "arguments": {"city": "Rome"}}'
    sent = [event({"content": written[:9]}), event({"content": written[9:]}), STOP]
    assert whole(stream, *sent) == ""
    [call] = stream.last
    assert isinstance(call, ToolCall) and json.loads(call.arguments) == {"city": "Rome"}


def test_log_probabilities_are_told_where_they_are() -> None:
    """Null, absent and of another kind are none."""
    stream = ChatStream("p")
    for told in (
        "null",
        "7",
        '{"content": null}',
        '{"content": [{"logprob": "x"}, 1]}',
    ):
        piece = f'{{"delta": {{"content": "a"}}, "logprobs": {told}}}'
        stream.feed(f'data: {{"choices": [{piece}]}}\n\n'.encode())
    assert stream.logprobs == ()


def test_a_fingerprint_is_pinned_like_a_model() -> None:
    """One that is not told, or null, is no other."""

    def told(fingerprint: object) -> list[str]:
        stream = ChatStream("p", expect_fingerprint="fp_1")
        chunk = {"system_fingerprint": fingerprint, "choices": [{"text": "Yes."}]}
        return stream.feed(f"data: {json.dumps(chunk)}\n\n".encode())

    assert told("fp_1") == told(None) == ["Yes."]
    with pytest.raises(ProviderFailed, match="expect_fingerprint") as caught:
        told("fp_2")
    assert caught.value.kind == "pin"
