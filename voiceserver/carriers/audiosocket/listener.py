"""Takes connections of Asterisk's AudioSocket at a port of its own.

AudioSocket has no password: whoever reaches the port may call. So it listens on
loopback, and names of calls may be listed that alone are taken.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from uuid import UUID

from voiceserver.carriers.audiosocket.call import AudioSocketCall
from voiceserver.carriers.audiosocket.frames import (
    HANG_UP,
    Frame,
    identity,
    read_frame,
)
from voiceserver.carriers.base import Caller, Exchange, Listener
from voiceserver.carriers.telephony.attendant import Dialled, session_at
from voiceserver.config import AudioSocketConfig, Config, TelephonyConfig
from voiceserver.errors import BadRequest, ConfigError, VoiceServerError

log = logging.getLogger(__name__)

NAME_LIMIT_S = 5.0  # for the call's name to come
MOST_UNNAMED = 64  # connections that have not said whose they are
BACKLOG = 128
NO_FILES_S = 0.1  # before the next is accepted when that has failed


class AudioSocketListener:
    """One port.

    Args:
        config: Where, and whom to take.
        telephony: Who answers.
    """

    name = "audiosocket"

    def __init__(self, config: AudioSocketConfig, telephony: TelephonyConfig) -> None:
        self._config = config
        self._telephony = telephony
        self._allowed = frozenset(map(UUID, config.uuids))
        self._socket: socket.socket | None = None
        self._n_unnamed = 0

    @property
    def port(self) -> int:
        """The one that was bound."""
        assert self._socket is not None
        return int(self._socket.getsockname()[1])

    def bind(self) -> None:
        """Take the address."""
        where = self._config.host, self._config.port
        family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
        try:
            self._socket = socket.create_server(where, family=family, backlog=BACKLOG)
        except OSError as error:
            message = f"audiosocket: cannot listen at {where[0]}:{where[1]}: {error}"
            raise ConfigError(message) from None
        self._socket.setblocking(False)

    async def run(self, exchange: Exchange) -> None:
        """Take calls until cancelled."""
        assert self._socket is not None
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    connection, address = await loop.sock_accept(self._socket)
                except OSError:
                    # Mostly no file is left: until then they wait in the backlog.
                    await asyncio.sleep(NO_FILES_S)
                    continue
                if self._n_unnamed >= MOST_UNNAMED:
                    connection.close()
                    continue
                group.create_task(self._take(connection, address[0], exchange))

    def close(self) -> None:
        """Give the address back."""
        if self._socket is not None:
            self._socket.close()

    async def _take(
        self, connection: socket.socket, place: str, exchange: Exchange
    ) -> None:
        """Make a call of a connection, or hang it up; never raises."""
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader, writer = await asyncio.open_connection(sock=connection)
        except OSError:  # it is gone already
            connection.close()
            return
        try:
            dialled = Dialled(called=str(await self._admitted(reader)))
            session = session_at(self._telephony.at(dialled.called))
            await exchange.place(
                lambda incoming: AudioSocketCall(incoming, reader, writer, dialled),
                Caller(place, session=session),
            )
        except (VoiceServerError, OSError, EOFError) as error:
            log.info("an AudioSocket call was refused", extra={"reason": str(error)})
            if not writer.transport.is_closing():  # uvloop raises if it was reset
                writer.write(Frame(HANG_UP).written())
            writer.close()
        except Exception:  # one call's must not end the others
            log.exception("an AudioSocket call failed")
            writer.transport.abort()

    async def _admitted(self, reader: asyncio.StreamReader) -> UUID:
        """The call's name, if such a call may come."""
        name = await self._named(reader)
        if self._allowed and name not in self._allowed:
            message = "the call's UUID is not among audiosocket.uuids"
            raise BadRequest(message, "not_admitted")
        return name

    async def _named(self, reader: asyncio.StreamReader) -> UUID:
        self._n_unnamed += 1
        try:
            async with asyncio.timeout(NAME_LIMIT_S):
                return identity(await read_frame(reader))
        except TimeoutError:
            message = f"no UUID came within {NAME_LIMIT_S:.0f} s"
            raise BadRequest(message, "timeout") from None
        finally:
            self._n_unnamed -= 1


def listener(config: Config) -> Listener | None:
    """The listener that the settings ask for.

    Raises:
        ConfigError: If anybody could call.
    """
    wanted = config.audiosocket
    if not wanted.port:
        return None
    if not wanted.uuids and not ipaddress.ip_address(wanted.host).is_loopback:
        raise ConfigError(
            f"audiosocket.host: refusing to take calls at {wanted.host} from anybody "
            "who reaches it; list the UUIDs that your dialplan uses in "
            "audiosocket.uuids, or listen at 127.0.0.1"
        )
    return AudioSocketListener(wanted, config.telephony)
