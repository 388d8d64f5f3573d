"""WebSockets to scripted services, without sockets: for virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

from tests.live_scripts import SCRIPTS, Script
from voiceserver.engines.providers.services.sockets import Socket
from voiceserver.errors import ProviderFailed

LATE_S = 5.0


class FakeSocket:
    """A ``Socket`` whose other side is a script."""

    def __init__(self, script: Script, late_s: float) -> None:
        self.script = script
        self.aborted = False
        self._late_s = late_s
        self._answers: asyncio.Queue[str | None] = asyncio.Queue()

    async def send(self, message: str | bytes) -> None:
        """Have it heard."""
        await asyncio.sleep(0)
        for answer in self.script.heard(message):
            self._answers.put_nowait(answer)

    async def receive(self) -> str | bytes | None:
        """Give what it answers."""
        answer = await self._answers.get()
        await asyncio.sleep(self._late_s)
        return answer

    def abort(self) -> None:
        """Note it."""
        self.aborted = True


class FakeSockets:
    """A ``SocketTransport`` to scripted services.

    Attributes:
        text: That they hear.
        fault: Of a script; ``"refused"`` opens nothing, ``"late"`` answers late.
        opened: The sockets, in order.
        urls: Where to.
        headers: Sent to each.
    """

    def __init__(self, text: str = "hello there", fault: str = "") -> None:
        self.text, self.fault = text, fault
        self.opened: list[FakeSocket] = []
        self.urls: list[str] = []
        self.headers: list[Mapping[str, str]] = []

    async def open(self, source: str, url: str, headers: Mapping[str, str]) -> Socket:
        """See ``SocketTransport``."""
        await asyncio.sleep(0.05)
        self.urls.append(url)
        self.headers.append(headers)
        if self.fault == "refused":
            raise ProviderFailed(source, "refused the key", "misconfigured")
        script = SCRIPTS[urlsplit(url).path](self.text, self.fault)
        self.opened.append(FakeSocket(script, LATE_S * (self.fault == "late")))
        return self.opened[-1]
