"""What all four transactions of SIP have in common: a way out, timers and one end.

Knows neither requests nor responses.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from voiceserver.carriers.sip.transactions.timing import Timers

Send = Callable[[bytes], None]


class State(Enum):
    """Of a transaction; none has all of them."""

    CALLING = "calling"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    OVER = "over"


class Transaction:
    """One request and its responses, on either side.

    Args:
        send: Sends to the other side; never raises.
        reliable: The network repeats what it loses.
        over: Called once when nothing is expected any more.
        state: That it begins in.
    """

    def __init__(
        self, send: Send, reliable: bool, over: Callable[[], None], state: State
    ) -> None:
        self._send = send
        self._reliable = reliable
        self._over = over
        self._timers = Timers()
        self.state = state

    def stop(self) -> None:
        """Forget it; may be called again."""
        self._timers.stop()
        if self.state is not State.OVER:
            self.state = State.OVER
            self._over()

    def _linger(self, wait_s: float) -> None:
        """Take copies for so long, where the network makes any; then forget it."""
        self._timers.after(0.0 if self._reliable else wait_s, self.stop)
