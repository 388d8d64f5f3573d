"""A carrier that is neither WebRTC nor WebSocket, in one file: bare audio over TCP.

16-bit PCM, little-endian: 16 kHz comes, 24 kHz goes while something sounds.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Sequence

import numpy as np

from voiceserver.audio import from_int16, to_int16
from voiceserver.carriers.base import Caller, Exchange, HeldCall, Incoming
from voiceserver.errors import ConfigError, VoiceServerError
from voiceserver.media.pacing import Pacer
from voiceserver.reply.playout import Playout
from voiceserver.session.ports import Carrier

CARRIER = Carrier("tcp")
BLOCK_BYTES = 640  # 20 ms


class TcpCall(HeldCall):
    """One call; there is no place for texts, so the dialect's are dropped."""

    def __init__(
        self,
        incoming: Incoming,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._playout = Playout()
        super().__init__(incoming, CARRIER, self._playout, lambda _text: None)
        self._reader, self._writer = reader, writer
        left_out = incoming.parts.metrics.dropped.labels("send").inc
        self._pacer = Pacer(self._send_next, left_out, incoming.parts.clock)

    async def answer(self, offer: str) -> str:
        self._pacer.start()
        return offer

    def _beside(self) -> Sequence[Coroutine[object, object, None]]:
        return (self._read(),)

    async def _close(self) -> None:
        self._pacer.stop()
        self._writer.close()

    async def _read(self) -> None:
        try:
            while True:
                block = await self._reader.readexactly(BLOCK_BYTES)
                self._session.hear(from_int16(block))
        except (asyncio.IncompleteReadError, ConnectionError):
            self.hang_up("The connection was closed.")

    def _send_next(self) -> None:
        frame = self._playout.next_frame()
        if frame.turn:
            self._writer.write(
                to_int16(frame.samples).astype(np.dtype("<i2")).tobytes()
            )


class TcpListener:
    """Its row of the table."""

    name = "tcp"

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host
        self._socket: socket.socket | None = None
        self.port = 0
        self.n_runs = 0
        self.fails = 0  # this many first runs

    def bind(self) -> None:
        try:
            self._socket = socket.create_server((self._host, 0))
        except OSError as error:
            raise ConfigError(f"cannot listen at {self._host}: {error}") from None
        self.port = self._socket.getsockname()[1]

    async def run(self, exchange: Exchange) -> None:
        self.n_runs += 1
        if self.n_runs <= self.fails:
            raise ZeroDivisionError("a bug")
        assert self._socket is not None

        async def take(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            place, _ = writer.get_extra_info("peername")
            try:
                call_id, _ = await exchange.place(
                    lambda incoming: TcpCall(incoming, reader, writer), Caller(place)
                )
                await exchange.ended(call_id)
            except VoiceServerError:
                writer.close()

        server = await asyncio.start_server(take, sock=self._socket.dup())
        async with server:
            await server.serve_forever()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
