"""A call over a WebSocket whose audio is inside the messages.

It knows neither the protocol of the messages nor HTTP.
"""

from __future__ import annotations

from voiceserver.carriers.base import Incoming
from voiceserver.carriers.websocket.socket import Socket, SocketCall, as_text
from voiceserver.reply.ahead import Ahead
from voiceserver.session.ports import Carrier

CARRIER = Carrier("websocket", in_events=True)


class WebSocketCall(SocketCall):
    """One call.

    Args:
        incoming: What it is made of.
        socket: Not yet open.

    Raises:
        BadRequest: If the client's session cannot be used.
    """

    def __init__(self, incoming: Incoming, socket: Socket) -> None:
        outlet = Ahead(incoming.parts.clock.now_ns)
        super().__init__(incoming, socket, CARRIER, outlet)

    async def _take(self, message: str | bytes) -> bool:
        await self._session.door.deliver(as_text(message))
        return True
