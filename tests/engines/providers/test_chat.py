"""ChatModel: streams, fails clearly, tells what it cost, and never shows a key.

ChatStream, without I/O: what is text, what is an end, what is a fault.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import pytest

from tests.chat_faults import ChatService, Head
from tests.fake_transport import FakeResponse, FakeTransport
from tests.faulty_text_server import DELTAS, FaultyTextServer
from tests.virtual_time import run_virtual
from voiceserver.budget import Spent
from voiceserver.config import TextProvider
from voiceserver.engines.base import Message, Shortened, TextRequest
from voiceserver.engines.notes import Note, Probable
from voiceserver.engines.providers.chat import MAX_ANSWER_BYTES, ChatModel, ChatStream
from voiceserver.engines.providers.http import Http, HttpLimits, HttpResponse
from voiceserver.errors import ConfigError, EngineFailed, ProviderFailed
from voiceserver.tools import ToolCall

KEY = "sk-very-secret"
ENVIRON = {"TEST_KEY": KEY}
LIMITS = HttpLimits(connect_s=1, gap_s=0.3, total_s=3)
ASK = TextRequest((Message("user", "is the light on"),), "Be brief.", 32)


@contextlib.asynccontextmanager
async def model(
    server: FaultyTextServer, fault: str
) -> AsyncGenerator[ChatModel, None]:
    """A model whose provider has the fault and is named after it."""
    provider = TextProvider(f"at-{fault}", server.base_url, fault, "TEST_KEY")
    async with Http(LIMITS) as http:
        chat = ChatModel(provider, http, ENVIRON)
        await chat.warm()
        yield chat


async def answer(chat: ChatModel, request: TextRequest = ASK) -> list[str]:
    async with asyncio.timeout(5), aclosing(chat.reply(request)) as stream:
        return [str(item) async for item in stream]


def offline(fault: str, **settings: object) -> ChatModel:
    """The same without sockets."""
    provider = TextProvider("p", "http://a/v1", fault, **settings)  # type: ignore[arg-type]
    return ChatModel(provider, FakeTransport({"a": ChatService(gap_s=0.01)}))


@pytest.mark.parametrize("key", ["", "  ", "\u00e9clair", "two\nlines"])
def test_an_unusable_key_is_a_configuration_error(key: str) -> None:
    """The error names provider and variable, and never the value."""
    provider = TextProvider("mine", "http://h/v1", "m", "K")
    with pytest.raises(ConfigError, match=r"'mine'.* K ") as caught:
        ChatModel(provider, FakeTransport(), {"K": key})
    assert not key.strip() or key not in str(caught.value)


def test_azure_gets_its_key_in_a_header_of_its_own() -> None:
    """And no bearer token."""
    provider = TextProvider("a", "http://a/v1", "ok", "K", "azure_v1")
    chat = ChatModel(provider, FakeTransport(), {"K": KEY})
    assert chat._headers["api-key"] == KEY
    assert "Authorization" not in chat._headers


def test_an_answer_never_costs_more_than_was_said_before() -> None:
    """Each byte sent is a token, and the answer as long as it may be."""
    chat = offline("ok", price_in=1.0, price_out=10.0)
    most = chat.at_most_usd(ASK)
    assert 320e-6 < most < 1e-3
    notes: list[Note] = []
    run_virtual(answer(chat, dataclasses.replace(ASK, observe=notes.append)))
    [spent] = [note for note in notes if isinstance(note, Spent)]
    assert 0 < spent.cost_usd <= most
    assert chat.at_most_usd(dataclasses.replace(ASK, max_output_tokens=0)) > 0.04


def test_what_an_answer_cost_is_told_at_its_end() -> None:
    """9 tokens at 2 USD and 7 at 8 USD per million."""
    notes: list[Note] = []
    ask = TextRequest(ASK.messages, observe=notes.append)
    run_virtual(answer(offline("ok", price_in=2.0, price_out=8.0), ask))
    assert notes == [Spent(9, 7, 0, 74e-6)]


def test_what_a_broken_answer_cost_is_estimated() -> None:
    """Every delta was paid for, and so was the question."""
    notes: list[Note] = []
    ask = TextRequest(ASK.messages, observe=notes.append)
    with pytest.raises(ProviderFailed):
        run_virtual(answer(offline("cut:3"), ask))
    [spent] = notes
    assert isinstance(spent, Spent)
    assert spent.tokens_out == 3 and spent.tokens_in > 0


@pytest.mark.parametrize(
    ("fault", "kind", "wait_s"),
    [
        ("401", "misconfigured", 0),
        ("404", "doubtful", 0),
        ("302", "misconfigured", 0),
        ("429:7", "busy", 7),
        ("503:3", "error", 3),
        ("500", "error", 0),
        ("wrong-model", "pin", 0),
    ],
)
def test_a_failure_says_of_what_kind_it_is(fault: str, kind: str, wait_s: int) -> None:
    """The breaker goes by it."""
    with pytest.raises(ProviderFailed) as caught:
        run_virtual(answer(offline(fault, expect_model="ok-2026-01-01")))
    assert (caught.value.kind, caught.value.retry_after_s) == (kind, wait_s)


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


def test_a_model_without_a_pin_may_answer_under_any_name() -> None:
    """Aliases resolve to versions."""
    assert run_virtual(answer(offline("wrong-model"))) == list(DELTAS)


def test_the_key_is_not_in_the_representation() -> None:
    """A model that lands in a log shows no key."""
    provider = TextProvider("p", "http://h/v1", "m", "K")
    chat = ChatModel(provider, FakeTransport(), {"K": KEY})
    assert KEY not in repr(chat)


# Against a server on loopback.


@pytest.mark.net
@pytest.mark.parametrize("mode", ["ok", "think", "drop-once"])
async def test_an_answer_is_streamed(mode: str) -> None:
    """Deltas come one by one; thinking, or a dropped connection, changes nothing."""
    async with FaultyTextServer() as server, model(server, mode) as chat:
        assert await answer(chat) == list(DELTAS)
        sent = server.requests[-1]
        assert sent.target == "/v1/chat/completions"
        assert sent.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.net
async def test_the_connection_is_opened_at_the_start_and_kept() -> None:
    """Warming and three answers use one connection."""
    async with FaultyTextServer() as server, model(server, "ok") as chat:
        assert server.connections == 1
        for _ in range(3):
            await answer(chat)
        assert server.connections == 1


@pytest.mark.net
@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("302", "not followed"),
        ("401", "refused the key"),
        ("404", "address or the model .* code_404"),
        ("429", "rate limit"),
        ("500", "has a fault"),
        ("hang", "in time"),
        ("headers-hang", "stopped"),
        ("stall:2", "stopped"),
        ("cut:2", "broke off"),
        ("junk:2", "not JSON"),
        ("huge:2", "too long"),
        ("error:2", "overloaded"),
        ("no-done", "broke off"),
        ("empty", "empty"),
        ("nothing", "broke off"),
        ("no-choices", "empty"),
        ("tool:{broken", "broken JSON"),
        ("html", "text/html"),
    ],
)
async def test_a_fault_is_an_engine_failure(
    mode: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It says who failed and how, soon, and shows no key anywhere."""
    caplog.set_level(logging.DEBUG)
    async with FaultyTextServer() as server, model(server, mode) as chat:
        with pytest.raises(EngineFailed, match=message) as caught:
            await answer(chat)
        assert caught.value.engine == f"at-{mode}"
    logged = "".join(str(vars(record)) for record in caplog.records)
    assert KEY not in str(caught.value) + logged


@pytest.mark.net
@pytest.mark.parametrize("count", range(4))
async def test_closing_the_stream_closes_the_response(count: int) -> None:
    """Whatever was taken, the server sees the connection end at once."""
    async with FaultyTextServer() as server, model(server, "stall:3") as chat:
        stream = chat.reply(ASK)
        for _ in range(count):
            await anext(stream)
        await stream.aclose()
        if count:
            async with asyncio.timeout(1):
                await server.closed.wait()
        assert server.open == (0 if count else 1)  # the one warmed


@pytest.mark.net
@pytest.mark.parametrize("mode", ["hang", "headers-hang", "stall:2"])
async def test_cancelling_ends_the_wait_at_once(mode: str) -> None:
    """A task that waits for words can be cancelled, and its connection ends."""
    async with FaultyTextServer() as server, model(server, mode) as chat:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(answer(chat))
            await server.asked.wait()
            task.cancel()
        assert task.cancelled()
        async with asyncio.timeout(1):
            await server.closed.wait()


@pytest.mark.net
async def test_a_server_that_is_away_fails_clearly() -> None:
    """Warming and asking both say so."""
    async with FaultyTextServer() as server:
        url = server.base_url
    async with Http(LIMITS) as http:
        chat = ChatModel(TextProvider("p", url, "ok"), http)
        with pytest.raises(EngineFailed, match="cannot be reached"):
            await chat.warm()
        with pytest.raises(EngineFailed, match="cannot be reached"):
            await answer(chat)


async def test_a_model_that_is_not_open_says_so() -> None:
    """Asking before entering is our fault, told as an engine's."""
    with pytest.raises(EngineFailed, match="not open"):
        await answer(ChatModel(TextProvider("p", "http://h/v1", "m"), Http()))


def test_what_is_refused_is_asked_once_without_and_remembered() -> None:
    """The next request is right at once."""
    bodies: list[bytes] = []

    class Picky(FakeTransport):
        async def send(
            self,
            source: str,
            method: str,
            url: str,
            headers: Mapping[str, str],
            body: bytes = b"",
        ) -> HttpResponse:
            bodies.append(body)
            if b'"stream_options"' not in body:
                return await super().send(source, method, url, headers, body)

            async def error() -> AsyncGenerator[Head | bytes, None]:
                yield b'{"detail": "stream_options: extra fields not permitted"}'

            return FakeResponse(self, source, Head(422), error())

    transport = Picky({"a": ChatService(gap_s=0.01)})
    chat = ChatModel(TextProvider("p", "http://a/v1", "ok"), transport)
    for n_asked in (2, 3):
        assert run_virtual(answer(chat)) == list(DELTAS)
        assert len(bodies) == n_asked
    assert str(chat.refused) == "stream_options"
    assert transport.open == 0


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
    chat = offline("ok")
    assert isinstance(chat._transport, FakeTransport)
    chat._transport.services["a"].logprob = -0.5
    notes: list[Note] = []
    request = TextRequest(ASK.messages, observe=notes.append)

    async def run() -> None:
        async with aclosing(chat.reply(request)) as items:
            _ = [item async for item in items]

    run_virtual(run())
    told_of = [note for note in notes if isinstance(note, Probable)]
    assert told_of and {each for note in told_of for each in note.logprobs} == {-0.5}
