"""How many calls there may be: in all, from one address, and with one API key.

Counts; holds no call. A process that holds calls has one, and so has a front whose
workers hold them, so that the limits are one server's however many processes it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from voiceserver.errors import Overloaded
from voiceserver.metrics import Metrics


class Room:
    """The places of one server.

    Args:
        max_calls: Calls at a time, those being set up included.
        max_calls_from: The same from one address; 0 is ``max_calls``.
        metrics: Where refused calls are counted.
        max_calls_by: The same with one API key; 0 is ``max_calls``.

    Attributes:
        elsewhere: Calls that count besides, though others took them.
        changed: Called with the number of calls here whenever that changes.
    """

    def __init__(
        self,
        max_calls: int,
        max_calls_from: int,
        metrics: Metrics,
        max_calls_by: int = 0,
    ) -> None:
        self.elsewhere = 0
        self.changed: Callable[[int], None] = lambda _n: None
        self._max_calls = max_calls
        self._max_calls_from = max_calls_from or max_calls
        self._max_calls_by = max_calls_by or max_calls
        self._metrics = metrics
        self._by_place: Counter[str] = Counter()
        self._by_key: Counter[str] = Counter()
        self._closing = ""

    def __len__(self) -> int:
        return self._by_place.total()

    @property
    def closing(self) -> bool:
        """Whether the server is going; no call is taken any more."""
        return self._closing != ""

    @property
    def free(self) -> int:
        """How many more calls would be taken, from whom that may be."""
        if self._closing:
            return 0
        return max(0, self._max_calls - len(self) - self.elsewhere)

    def held_from(self, place: str) -> int:
        """Calls of an address."""
        return self._by_place[place]

    def held_by(self, key: str) -> int:
        """Calls of an API key."""
        return self._by_key[key]

    def close(self, reason: str) -> None:
        """Take no call any more; those in progress go on."""
        self._closing = self._closing or reason

    def check(self, place: str = "", key: str = "") -> None:
        """Check that one more call would be taken.

        Args:
            place: Address of the client.
            key: Names the API key, without being it; ``""`` if there is none.

        Raises:
            Overloaded: If not; the text says why.
        """
        if self._closing:
            self._metrics.calls_refused.labels("closing").inc()
            raise Overloaded("The server is shutting down.")
        if len(self) + self.elsewhere >= self._max_calls:
            self._metrics.calls_refused.labels("full").inc()
            raise Overloaded(
                f"All {self._max_calls} lines are busy; please try again in a moment."
            )
        if self.held_from(place) >= self._max_calls_from:
            self._metrics.calls_refused.labels("address").inc()
            raise Overloaded(
                f"An address may hold {self._max_calls_from} calls; end one of yours."
            )
        if key and self.held_by(key) >= self._max_calls_by:
            self._metrics.calls_refused.labels("key").inc()
            raise Overloaded(
                f"A key may hold {self._max_calls_by} calls; end one of its."
            )

    def take(self, place: str = "", key: str = "") -> None:
        """Count one call more."""
        self._by_place[place] += 1
        self._by_key[key] += 1
        self.changed(len(self))

    def leave(self, place: str = "", key: str = "") -> None:
        """Count one call less."""
        for counter, name in ((self._by_place, place), (self._by_key, key)):
            counter[name] -= 1
            if not counter[name]:
                del counter[name]
        self.changed(len(self))


class OwnCalls:
    """Calls that a worker takes at sockets of its own, past its front.

    The front is told how many there are, and tells how many it has let in itself, so
    that there are not more in all than one server may have, but for what is on its way.

    Args:
        tell: Takes the number of them, whenever it changes.

    Attributes:
        n: How many there are.
        elsewhere: How many the front has let in, as it said last.
    """

    def __init__(self, tell: Callable[[int], None] = lambda _n: None) -> None:
        self._tell = tell
        self.n = 0
        self.elsewhere = 0

    def check(self, max_calls: int) -> None:
        """Check that one more may be taken.

        Raises:
            Overloaded: If not.
        """
        if self.n + self.elsewhere >= max_calls:
            raise Overloaded(f"All {max_calls} lines are busy.")

    def count(self, more: int) -> None:
        """There is one more, or one less."""
        self.n += more
        self._tell(self.n)
