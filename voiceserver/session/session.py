"""One conversation: listens, decides, replies. (Interface first; body follows.)"""

from __future__ import annotations

from voiceserver.audio import Samples
from voiceserver.config import Config
from voiceserver.engines.base import Engines
from voiceserver.events import Command
from voiceserver.metrics import Metrics
from voiceserver.playout import Playout
from voiceserver.session.clock import Clock
from voiceserver.session.dialect import Dialect


class Session:
    """One conversation between a carrier and the engines.

    Args:
        call_id: Bound to log lines.
        config: Settings; ``config.turn`` and others are the call's starting values.
        engines: Shared by all calls.
        dialect: Renders this call.
        clock: Monotonic clock.
        metrics: Of the server.

    Attributes:
        playout: What the carrier pulls a frame from every 20 ms.
    """

    def __init__(
        self,
        call_id: str,
        config: Config,
        engines: Engines,
        dialect: Dialect,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self.playout = Playout()
        raise NotImplementedError

    def hear(self, samples: Samples) -> None:
        """Take microphone audio, 16 kHz mono, any length; never blocks or raises."""
        raise NotImplementedError

    def receive(self, text: str) -> None:
        """Take a message of the client; handed to the dialect in its turn."""
        raise NotImplementedError

    def command(self, command: Command) -> None:
        """Take a command; too many unhandled ones end the call with a reason."""
        raise NotImplementedError

    async def run(self) -> str:
        """Hold the conversation until it ends; return the reason.

        Cancelling it ends the conversation too. Never raises for what engines,
        dialect or client did.
        """
        raise NotImplementedError
