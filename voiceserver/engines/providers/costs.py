"""What providers cost: tokens and money by provider, and money by day.

Of several processes that are one server each books what is spent in it, and is told
what the others have spent, so that a limit is one for all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from voiceserver.budget import Spent
from voiceserver.errors import ProviderFailed
from voiceserver.metrics import Metrics

log = logging.getLogger(__name__)


class Costs:
    """Books what is spent.

    Args:
        metrics: Of this process.
        today: The day it is, by default the machine's.
        limit_usd: Of a day; 0 is none.
    """

    def __init__(
        self,
        metrics: Metrics,
        today: Callable[[], date] = date.today,
        limit_usd: float = 0.0,
    ) -> None:
        self._metrics = metrics
        self._today = today
        self._limit_usd = limit_usd
        self._day = today()
        self._own_usd = self._elsewhere_usd = 0.0
        self._warned = False
        self.booked: Callable[[date, float], None] = lambda _day, _own_usd: None
        metrics.cost_today_usd.set_function(lambda: self.own_usd)

    @property
    def day(self) -> date:
        """The day that is booked for."""
        self._turn_the_page()
        return self._day

    @property
    def own_usd(self) -> float:
        """Spent today by this process."""
        self._turn_the_page()
        return self._own_usd

    @property
    def day_usd(self) -> float:
        """Spent today by all processes, as far as is known here."""
        self._turn_the_page()
        return self._own_usd + self._elsewhere_usd

    @property
    def exhausted(self) -> bool:
        """Whether no more is to be spent today."""
        return self._limit_usd > 0 and self.day_usd >= self._limit_usd

    def book(self, provider: str, spent: Spent) -> None:
        """Book what one call of a provider cost."""
        tokens = self._metrics.tokens
        tokens.labels(provider, "in").inc(spent.tokens_in)
        tokens.labels(provider, "out").inc(spent.tokens_out)
        tokens.labels(provider, "wasted").inc(spent.tokens_wasted)
        self._metrics.cost_usd.labels(provider).inc(spent.cost_usd)
        self._turn_the_page()
        self._own_usd += spent.cost_usd
        self._warn()
        if spent.cost_usd:
            self.booked(self._day, self._own_usd)

    def told(self, day: date, elsewhere_usd: float) -> None:
        """Take what other processes have spent in a day; of another day it is void."""
        self._turn_the_page()
        if day == self._day:
            self._elsewhere_usd = elsewhere_usd
            self._warn()

    def _turn_the_page(self) -> None:
        day = self._today()
        if day != self._day:
            self._day, self._own_usd, self._elsewhere_usd = day, 0.0, 0.0
            self._warned = False

    def _warn(self) -> None:
        if self.exhausted and not self._warned:
            self._warned = True
            log.warning(
                "the day's money is spent; providers with a price are asked no more",
                extra={"limit_usd": self._limit_usd},
            )


@contextmanager
def charged(observe: Callable[[Spent], None], spent: Spent) -> Iterator[None]:
    """Within, an answer's head is awaited: what is given up then is charged for.

    A service reads what it was sent whether or not somebody waits for what it says; one
    that refuses, or cannot be reached, charges nothing.

    Args:
        observe: Takes the cost.
        spent: What the request alone costs, as an estimate.
    """
    try:
        yield
    except asyncio.CancelledError:
        observe(spent)
        raise
    except ProviderFailed as failure:
        if failure.kind == "late":
            observe(spent)
        raise
