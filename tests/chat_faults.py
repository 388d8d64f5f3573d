"""What a chat service does, good or bad: the bytes of its answer, without sockets.

The requested model's name selects the behaviour (a leading ``vendor/`` is ignored):

    ok              role, text deltas, finish_reason, usage, [DONE]
    400, 401, 404, 429[:S], 500, 503[:S], 302: that status, with an error that quotes
                    the key
    hang            accepts the request, never answers
    headers-hang    sends response headers, never a token
    slow:MS         first token after MS milliseconds (headers at once)
    think[:MS]      reasoning deltas every 50 ms for MS, then the text
    think-on        reasoning for ever
    stall:N         stops after N deltas, keeps the socket open
    pause:MS        pauses for MS milliseconds after three deltas
    cut:N           resets the connection after N deltas
    junk:N          after N deltas sends a line that is not JSON
    huge:N          after N deltas sends a line without end
    error:N         after N deltas reports an error in the stream
    no-done         ends without finish_reason and without [DONE]
    wrong-model     answers with another model name and system_fingerprint
    empty           finishes without any content
    nothing         200, then the end
    no-choices      chunks whose choices are empty
    html            answers 200 with a page
    tool:JSON       calls a tool with these arguments
    drop-once       closes its first connection without an answer
    stream:NAME     one of ``chat_streams``, as it stands there
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from tests.chat_streams import STREAMS

DELTAS = ("Certainly. ", "The ", "kitchen ", "light ", "is ", "now ", "on.")
TEXT = "".join(DELTAS)
USAGE = {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16}
STATUSES = {"302", "400", "401", "404", "429", "500", "503"}
BREAKS = {"stall", "cut", "junk", "huge", "error"}
THINK_S = 0.05


@dataclass(frozen=True)
class Head:
    """Status and headers."""

    status: int = 200
    kind: str = "text/event-stream; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


class Hang(Exception):
    """Nothing more comes, and the connection stays open."""


class Cut(Exception):
    """The connection is reset."""


@dataclass
class ChatService:
    """Answers chat requests.

    Attributes:
        first_s: Before the first token of a healthy answer.
        gap_s: Between two deltas.
        deltas: What a healthy answer says.
        fault: In place of the one that the model's name asks for.
        logprob: Of each delta, one token; None tells none.
        usage: What it says that it read and wrote, in tokens.
    """

    first_s: float = 0.0
    gap_s: float = 0.0
    deltas: tuple[str, ...] = DELTAS
    fault: str = ""
    logprob: float | None = None
    usage: dict[str, int] = field(default_factory=USAGE.copy)

    async def answer(
        self, body: dict[str, Any], key: str = ""
    ) -> AsyncGenerator[Head | bytes, None]:
        """Give head and bytes of the answer to a request.

        Raises:
            Hang: When it stops for ever.
            Cut: When it resets the connection.
        """
        model = str(body["model"])
        fault, _, argument = (self.fault or model.split("/")[-1]).partition(":")
        if fault in STATUSES:
            headers = {"Location": "http://127.0.0.1:9/"} if fault == "302" else {}
            if fault in ("429", "503") and argument:
                headers["Retry-After"] = argument
            error = {"message": f"no: {key}", "type": "test", "code": f"code_{fault}"}
            yield Head(int(fault), "application/json", headers)
            yield json.dumps({"error": error}).encode()
            return
        if fault == "stream":
            async for part in recorded(argument, body):
                yield part
            return
        if fault == "html":
            yield Head(200, "text/html")
            yield b"<p>hello"
            return
        if fault == "hang":
            raise Hang
        yield Head()
        async for chunk in self._stream(fault, argument, model):
            yield chunk

    async def _stream(
        self, fault: str, argument: str, model: str
    ) -> AsyncGenerator[bytes, None]:
        if fault == "nothing":
            return
        if fault == "headers-hang":
            raise Hang
        if fault.startswith("think"):
            thinks = int(argument or 150) // 50 if fault == "think" else 10**6
            for _ in range(thinks):
                yield event(chunk({"reasoning_content": "hm "}, model))
                await asyncio.sleep(THINK_S)
        await asyncio.sleep(int(argument) / 1000 if fault == "slow" else self.first_s)
        if fault == "wrong-model":
            model = "another-model-2099-01-01"
        async for piece in self._deltas(fault, argument, model):
            yield piece

    async def _deltas(
        self, fault: str, argument: str, model: str
    ) -> AsyncGenerator[bytes, None]:
        if fault == "tool":
            call = {"index": 0, "id": "c", "function": {"name": "f"}}
            call["function"]["arguments"] = argument  # type: ignore[index]
            yield event(chunk({"tool_calls": [call]}, model))
        breaks, silent = fault in BREAKS, fault in ("empty", "tool")
        n = int(argument or 0) if breaks else len(self.deltas)
        for at, text in enumerate(() if silent else self.deltas[:n]):
            if fault == "pause" and at == 3:
                await asyncio.sleep(int(argument) / 1000)
            document = chunk({"content": text}, model)
            if self.logprob is not None:
                token = {"token": text, "logprob": self.logprob}
                document["choices"][0]["logprobs"] = {"content": [token]}
            if fault == "no-choices":
                document["choices"] = []
            yield event(document)
            await asyncio.sleep(self.gap_s)
        if breaks:
            yield _broken(fault)
            if fault == "huge":
                for _ in range(63):
                    yield b"x" * 65536
            return
        if fault != "no-done":
            finish = "tool_calls" if fault == "tool" else "stop"
            yield event(chunk({}, model, finish))
            yield event({"choices": [], "usage": self.usage, "model": model})
            yield b"data: [DONE]\n\n"


async def recorded(
    name: str, body: dict[str, Any]
) -> AsyncGenerator[Head | bytes, None]:
    """Play a stream of ``chat_streams``."""
    stream = STREAMS.get(name, STREAMS["plain"])
    if stream.refuses and stream.refuses in body:
        yield Head(400, "application/json")
        message = f"Unsupported parameter: {stream.refuses}"
        yield json.dumps({"error": {"message": message}}).encode()
        return
    yield Head(200, stream.kind)
    for part in stream.parts:
        if isinstance(part, bytes):
            yield part
        else:
            await asyncio.sleep(part)


def _broken(fault: str) -> bytes:
    match fault:
        case "stall":
            raise Hang
        case "cut":
            raise Cut
        case "junk":
            return b"data: {not json\n\n"
        case "error":
            return event({"error": {"message": "x", "code": "overloaded"}})
        case _:
            return b"x" * 65536


def chunk(
    delta: dict[str, Any], model: str, finish: str | None = None
) -> dict[str, Any]:
    """One chunk object."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"object": "chat.completion.chunk", "model": model, "choices": [choice]}


def event(document: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(document).encode() + b"\n\n"
