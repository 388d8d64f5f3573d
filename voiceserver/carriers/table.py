"""The carriers that take their calls at sockets of their own: a new one is a row here.

WebRTC and WebSocket calls come by HTTP, so they have routes in ``server/routes``. What
a listener needs of the settings it reads itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voiceserver.carriers.audiosocket.listener import listener as audiosocket
from voiceserver.carriers.base import Listener
from voiceserver.config import Config

# Each returns None where the settings do not ask for it.
LISTENERS: tuple[Callable[[Config], Listener | None], ...] = (audiosocket,)


def listeners(config: Config) -> Sequence[Listener]:
    """Those that the settings ask for."""
    made = (make(config) for make in LISTENERS)
    return [listener for listener in made if listener is not None]
