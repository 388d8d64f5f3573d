"""Services that hear while somebody speaks, on loopback, with faults on demand."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.live_scripts import HANG_UP, SCRIPTS, Script

_SILENT = logging.getLogger("tests.faulty_live_server")
_SILENT.disabled = True


@dataclass
class FaultyLiveServer:
    """Serves while entered.

    Attributes:
        text: What it hears.
        fault: Of a script, a status in place of a socket, ``"hang"`` (answers no
            request), ``"late"`` (its words come after two seconds), or ``"cut"`` (the
            connection breaks after the first audio).
        keys: ``Authorization`` of the requests.
        paths: Asked for, with their queries.
        scripts: Of the connections.
        base_url: Of the services.
    """

    text: str = "hello there"
    fault: str = ""
    keys: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    base_url: str = ""

    async def __aenter__(self) -> FaultyLiveServer:
        self._ending = asyncio.Event()
        self._server: Server = await serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._asked,
            compression=None,
            close_timeout=0.1,
            logger=_SILENT,
        )
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._ending.set()
        self._server.close()
        await self._server.wait_closed()

    async def _asked(
        self, connection: ServerConnection, request: Request
    ) -> Response | None:
        self.keys.append(request.headers.get("Authorization", ""))
        self.paths.append(request.path)
        if self.fault == "hang":
            await self._ending.wait()
        if not self.fault.isdigit():
            return None
        response = connection.respond(HTTPStatus(int(self.fault)), '{"error": {}}')
        response.headers["Retry-After"] = "3"
        response.headers["Location"] = "/elsewhere"
        return response

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        script = SCRIPTS[urlsplit(connection.request.path).path](self.text, self.fault)
        self.scripts.append(script)
        try:
            async for message in connection:
                if self.fault == "cut":
                    connection.transport.abort()
                    return
                if self.fault == "late":
                    await self._a_while()
                for answer in script.heard(message):
                    if answer is HANG_UP:
                        return
                    await connection.send(answer)
        except ConnectionClosed:
            return

    async def _a_while(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._ending.wait()
