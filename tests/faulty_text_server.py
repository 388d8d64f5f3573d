"""An OpenAI-style streaming chat server on loopback, with faults on demand.

The requested model's name selects the behaviour; see ``chat_faults``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from tests.chat_faults import DELTAS, TEXT, ChatService, Cut, Hang, Head

__all__ = ["DELTAS", "TEXT", "FaultyTextServer", "Request"]


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
        service: Answers.
    """

    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    base_url: str = ""
    service: ChatService = field(default_factory=ChatService)

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
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Content-Length: 11\r\n\r\n"
                b'{"data":[]}'
            )
            return True
        request = Request(target, headers, json.loads(raw))
        self.requests.append(request)
        self.asked.set()
        if request.body["model"] == "drop-once" and self.connections == 1:
            return False
        return await self._answer(request, reader, writer)

    async def _answer(
        self,
        request: Request,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        key = request.headers.get("authorization", "")
        answer = self.service.answer(request.body, key)
        try:
            async with contextlib.aclosing(answer):
                async for part in answer:
                    if isinstance(part, Head):
                        writer.write(_head(part))
                    else:
                        writer.write(b"%x\r\n%s\r\n" % (len(part), part))
                        await writer.drain()
        except Hang:
            await reader.read()
            return False
        except Cut:
            writer.transport.abort()
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


def _head(head: Head) -> bytes:
    lines = [
        f"HTTP/1.1 {head.status} Status",
        *([f"Content-Type: {head.kind}"] if head.kind else []),
        "Transfer-Encoding: chunked",
        *(f"{name}: {value}" for name, value in head.headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
