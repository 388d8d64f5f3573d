"""A transport without sockets, for virtual time: hosts that answer as told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

from tests.chat_faults import ChatService, Cut, Hang, Head
from voiceserver.engines.providers.services.http import HttpResponse
from voiceserver.errors import ProviderFailed


@dataclass
class FakeTransport:
    """Sends to services by host name, e.g. ``http://a/v1``.

    Attributes:
        services: By host name.
        asked: Models asked for, in order.
        at_s: When each was.
        open: Answers not closed yet.
        fails: Hosts that cannot be reached, and why.
        refuses: Hosts that refuse the key.
        forbids: Hosts that answer, but list no models.
        warmed: Connections asked for beforehand.
    """

    services: dict[str, ChatService] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)
    open: int = 0
    fails: dict[str, str] = field(default_factory=dict)
    refuses: set[str] = field(default_factory=set)
    forbids: set[str] = field(default_factory=set)
    warmed: int = 0

    async def send(
        self,
        source: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
    ) -> HttpResponse:
        host = url.split("/")[2]
        if host in self.fails:
            raise ProviderFailed(source, self.fails[host])
        if method == "GET":
            self.warmed += 1
            status = 401 if host in self.refuses else 200
            status = 403 if host in self.forbids else status
            return FakeResponse(self, source, Head(status), _nothing())
        document = json.loads(body)
        self.asked.append(document["model"])
        self.at_s.append(asyncio.get_running_loop().time())
        service = self.services.setdefault(host, ChatService())
        answer = service.answer(document)
        try:
            head = await anext(answer)
        except Hang:
            await asyncio.Event().wait()
            raise
        assert isinstance(head, Head)
        return FakeResponse(self, source, head, answer)


class FakeResponse:
    """An answer of a fake service."""

    def __init__(
        self,
        transport: FakeTransport,
        source: str,
        head: Head,
        parts: AsyncGenerator[Head | bytes, None],
    ) -> None:
        self._transport = transport
        self._source = source
        self._parts = parts
        self.status = head.status
        self.content_type = head.kind.partition(";")[0]
        self.headers: Mapping[str, str] = head.headers
        transport.open += 1
        self._closed = False

    async def read(self) -> bytes:
        try:
            part = await anext(self._parts)
        except StopAsyncIteration:
            return b""
        except Hang:
            await asyncio.Event().wait()
            raise
        except Cut:
            raise ProviderFailed(self._source, "its answer broke off") from None
        assert isinstance(part, bytes)
        return part

    async def settle(self) -> None:
        while await self.read():
            pass

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._transport.open -= 1


async def _nothing() -> AsyncGenerator[Head | bytes, None]:
    empty: tuple[bytes, ...] = ()
    for part in empty:
        yield part
