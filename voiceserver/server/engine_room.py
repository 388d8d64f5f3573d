"""The engines of a server, once they are warm; and whether they can take a call more.

Knows nothing of calls or of HTTP but the refusals that both are told.
"""

from __future__ import annotations

from collections.abc import Callable

from voiceserver.engines.opened import Engines
from voiceserver.overload import Headroom, Load
from voiceserver.server.answers import busy


class EngineRoom:
    """The engines, once they are warm; until then requests are asked to wait.

    Args:
        calls: How many calls have settled, and how many others there are.
        refused: Takes why one more was not taken, in a word.
    """

    def __init__(
        self,
        calls: Callable[[], tuple[int, int]] = lambda: (0, 0),
        refused: Callable[[str], None] = lambda _why: None,
    ) -> None:
        self._engines: Engines | None = None
        self._calls = calls
        self._refused = refused
        self._headroom = Headroom()

    @property
    def ready(self) -> bool:
        """Whether the engines are warm."""
        return self._engines is not None

    @property
    def warm(self) -> Engines | None:
        """The engines; None while they are not warm."""
        return self._engines

    def for_a_call(self) -> Engines:
        """Return the engines for one call more.

        Raises:
            Refusal: If they are not warm yet, or the server cannot keep up, or hear
                as many as speak (503).
        """
        engines = self.get()
        late = engines.overload.level is Load.FULL
        if late or self._headroom.full(*self._calls()):
            self._refused("late")
            what = "The server cannot keep up; try again in a moment."
            raise busy(what, "overloaded")
        if engines.crowd.full:
            self._refused("crowd")
            what = f"More than {engines.ears()[1]} people speak; try again in a moment."
            raise busy(what, "overloaded")
        return engines

    def late(
        self, lag_ms: float, computed_s: float = 0.0, passed_s: float = 0.0
    ) -> None:
        """The event loop woke so late, and has computed so long in the time since."""
        if self._engines is not None:
            self._engines.overload.tick(lag_ms)
            settled, _ = self._calls()
            self._headroom.tick(lag_ms, settled, computed_s, passed_s)
            self._engines.crowd.tick(*self._engines.ears())

    def open(self, engines: Engines) -> None:
        """The engines are warm from now on."""
        self._engines = engines

    def close(self) -> None:
        """The engines are about to go."""
        self._engines = None

    def get(self) -> Engines:
        """Return the engines.

        Raises:
            Refusal: If they are not warm yet (503).
        """
        if self._engines is None:
            raise busy("The server is still loading its engines.", "not_ready")
        return self._engines
