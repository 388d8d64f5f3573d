"""The carriers that take their calls at sockets of their own: a new one is a row here.

WebRTC and WebSocket calls come by HTTP, so they have routes in ``server/routes``. What
a listener needs of the settings it reads itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voiceserver.carriers.audiosocket.listener import listener as audiosocket
from voiceserver.carriers.base import Listener
from voiceserver.config import Config
from voiceserver.errors import ConfigError


def _sip(config: Config) -> Listener | None:
    if not config.sip.port:
        return None
    try:
        from voiceserver.carriers.sip.listener import listener  # an extra
    except ImportError as error:
        raise ConfigError(
            f"[sip] cannot be used: {error}; install it: pip install 'voiceserver[sip]'"
        ) from None
    return listener(config)


# Each returns None where the settings do not ask for it.
LISTENERS: tuple[Callable[[Config], Listener | None], ...] = (audiosocket, _sip)


def listeners(config: Config) -> Sequence[Listener]:
    """Those that the settings ask for."""
    made = (make(config) for make in LISTENERS)
    return [listener for listener in made if listener is not None]
