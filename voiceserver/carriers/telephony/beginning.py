"""The beginning of a service's stream: read before a call is made of it.

Who calls whom decides what the call is made of, and a token that comes along whether
there is to be one. Bounded in time and in messages.
"""

from __future__ import annotations

import asyncio

from voiceserver.carriers.telephony.messages import Answered, Framing, Started
from voiceserver.carriers.websocket.socket import Socket
from voiceserver.errors import BadRequest, SessionEnded

BEGIN_LIMIT_S = 5.0
MOST_MESSAGES = 8


async def beginning(socket: Socket, framing: Framing) -> Started:
    """Read until the stream has begun.

    Args:
        socket: Open.
        framing: Of its service.

    Raises:
        BadRequest: If it begins otherwise, or not in time.
        SessionEnded: If the service closes the socket before.
    """
    try:
        async with asyncio.timeout(BEGIN_LIMIT_S):
            return await _read(socket, framing)
    except TimeoutError:
        message = f"the stream did not begin within {BEGIN_LIMIT_S:.0f} s"
        raise BadRequest(message, "timeout") from None


async def _read(socket: Socket, framing: Framing) -> Started:
    for _ in range(MOST_MESSAGES):
        message = await socket.receive()
        if message is None:
            raise SessionEnded("The service closed the connection.")
        for happening in framing.read(message):
            if isinstance(happening, Started):
                return happening
            if isinstance(happening, Answered):
                for each in happening.messages:
                    await socket.send(each)
                continue
            raise SessionEnded("The service ended the stream before it began.")
    raise BadRequest("the stream did not begin with its first messages", "out_of_order")
