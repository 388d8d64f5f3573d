"""An OpenAI-style streaming chat server on loopback, with faults on demand.

The requested model's name selects the behaviour:

    ok              role, text deltas, finish_reason, usage, [DONE]
    401, 404, 429, 500, 503, 302: that status, with an error that quotes the key
    hang            accepts the request, never answers
    headers-hang    sends response headers, never a token
    think           reasoning deltas before the text
    stall:N         stops after N deltas, keeps the socket open
    cut:N           resets the connection after N deltas
    junk:N          after N deltas sends a line that is not JSON
    huge:N          after N deltas sends a line without end
    error:N         after N deltas reports an error in the stream
    no-done         ends without finish_reason and without [DONE]
    empty           finishes without any content
    html            answers 200 with a page
    drop-once       closes its first connection without an answer
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

DELTAS = ("Certainly. ", "The ", "kitchen ", "light ", "is ", "now ", "on.")
TEXT = "".join(DELTAS)
STATUSES = {"302", "401", "404", "429", "500", "503"}


@dataclass
class Request:
    """A request as it came."""

    target: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class FaultyTextServer:
    """Serves while entered.

    Attributes:
        requests: Chat requests received.
        connections: Connections accepted so far.
        open: Connections open now.
        asked: Set by the first chat request.
        closed: Set whenever a connection has ended.
    """

    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    base_url: str = ""

    async def __aenter__(self) -> FaultyTextServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}/v1"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        while self.open:
            self.closed.clear()
            await asyncio.wait_for(self.closed.wait(), 2)
        await self._server.wait_closed()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        self.open += 1
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._serve_one(reader, writer):
                    pass
        finally:
            writer.close()
            self.open -= 1
            self.closed.set()

    async def _serve_one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; False when the connection must not be used again."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target = head[0].split(" ")[:2]
        if method == "GET":
            return _send(writer, 200, b'{"object": "list", "data": []}')
        request = Request(target, headers, json.loads(raw))
        self.requests.append(request)
        self.asked.set()
        fault, _, argument = str(request.body["model"]).partition(":")
        if fault == "drop-once":
            if self.connections == 1:
                return False
            fault = "ok"
        if fault in STATUSES:
            key = headers.get("authorization", "")
            error = {"message": f"no: {key}", "type": "test", "code": f"code_{fault}"}
            return _send(writer, int(fault), json.dumps({"error": error}).encode())
        if fault == "html":
            return _send(writer, 200, b"<p>hello", "text/html")
        if fault == "hang":
            await reader.read()
            return False
        return await self._stream(fault, int(argument or 0), reader, writer)

    async def _stream(
        self,
        fault: str,
        count: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        if fault == "headers-hang":
            await reader.read()
            return False
        if fault == "think":
            for _ in range(3):
                await _event(writer, _chunk({"reasoning_content": "hm "}))
        breaks = fault in ("stall", "cut", "junk", "huge", "error")
        texts = () if fault == "empty" else DELTAS[:count] if breaks else DELTAS
        for text in texts:
            await _event(writer, _chunk({"content": text}))
        if breaks:
            return await _break(fault, reader, writer)
        if fault != "no-done":
            await _event(writer, _chunk({}, "stop"))
            await _event(writer, {"choices": [], "usage": {"total_tokens": 16}})
            await _raw(writer, b"data: [DONE]\n\n")
        await _raw(writer, b"")
        return True


async def _break(
    fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    match fault:
        case "stall":
            await reader.read()
        case "cut":
            writer.transport.abort()
        case "junk":
            await _raw(writer, b"data: {not json\n\n")
            await _raw(writer, b"")
        case "error":
            await _event(writer, {"error": {"message": "x", "code": "overloaded"}})
            await _raw(writer, b"")
        case _:
            for _ in range(64):
                await _raw(writer, b"x" * 65536)
    return False


def _chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"object": "chat.completion.chunk", "choices": [choice]}


async def _event(writer: asyncio.StreamWriter, document: dict[str, Any]) -> None:
    await _raw(writer, b"data: " + json.dumps(document).encode() + b"\n\n")


async def _raw(writer: asyncio.StreamWriter, payload: bytes) -> None:
    writer.write(b"%x\r\n%s\r\n" % (len(payload), payload))
    await writer.drain()


def _send(
    writer: asyncio.StreamWriter,
    status: int,
    payload: bytes,
    kind: str = "application/json",
) -> bool:
    head = (
        f"HTTP/1.1 {status} Status\r\nContent-Type: {kind}\r\n"
        "Location: http://127.0.0.1:9/\r\n"
        f"Content-Length: {len(payload)}\r\n\r\n"
    )
    writer.write(head.encode() + payload)
    return True
