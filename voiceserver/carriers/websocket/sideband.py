"""A second connection to a call: hears its events, without audio, and may command it.

Several may be open at a time. One that does not read loses its connection; the call
does not notice. It knows neither the protocol of the messages nor HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from voiceserver.carriers.base import Throttle
from voiceserver.carriers.websocket.socket import (
    NORMAL,
    POLICY,
    Outgoing,
    Socket,
    as_text,
    close_in_time,
)
from voiceserver.clock import Clock
from voiceserver.session.session import Session
from voiceserver.streams import first_of


class Sideband:
    """One connection.

    Args:
        socket: Not yet open.
        session: Of the call.
        clock: Monotonic clock.
        address: What its address asks for, as the dialect reads it.
    """

    def __init__(
        self,
        socket: Socket,
        session: Session,
        clock: Clock,
        address: Mapping[str, str],
    ) -> None:
        self._socket = socket
        self._session = session
        self._clock = clock
        self._address = address
        self._over = asyncio.Event()
        self._code, self._reason = NORMAL, "The call is over."
        self._outgoing = Outgoing(self._not_read)

    async def run(self) -> None:
        """Hold the connection until the client or the call ends it."""
        await self._socket.open()
        number = self._session.door.attach(
            self._outgoing.send, self._outgoing.end, self._address
        )
        try:
            await first_of(
                self._outgoing.run(self._socket),
                self._read(number),
                self._wait_for_end(),
            )
        finally:
            self._session.door.detach(number)
            await close_in_time(self._socket, self._code, self._reason)

    async def _wait_for_end(self) -> None:
        await self._over.wait()

    def _not_read(self) -> None:
        self._code, self._reason = POLICY, "The client does not read its events."
        self._over.set()

    async def _read(self, number: int) -> None:
        throttle = Throttle(self._clock.now_ns)
        while (message := await self._socket.receive()) is not None:
            if wait_s := throttle.wait_s():
                await asyncio.sleep(wait_s)
            await self._session.door.deliver(as_text(message), number)
