"""What providers cost: tokens and money by provider, and money by day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from voiceserver.budget import Spent
from voiceserver.metrics import Metrics


class Costs:
    """Books what is spent.

    Args:
        metrics: Of the server.
        today: The day it is, by default the machine's.
    """

    def __init__(
        self, metrics: Metrics, today: Callable[[], date] = date.today
    ) -> None:
        self._metrics = metrics
        self._today = today
        self._day = today()
        self._day_usd = 0.0

    @property
    def day_usd(self) -> float:
        """Spent today."""
        return self._day_usd if self._today() == self._day else 0.0

    def book(self, provider: str, spent: Spent) -> None:
        """Book what one call of a provider cost."""
        tokens = self._metrics.tokens
        tokens.labels(provider, "in").inc(spent.tokens_in)
        tokens.labels(provider, "out").inc(spent.tokens_out)
        tokens.labels(provider, "wasted").inc(spent.tokens_wasted)
        self._metrics.cost_usd.labels(provider).inc(spent.cost_usd)
        day = self._today()
        if day != self._day:
            self._day, self._day_usd = day, 0.0
        self._day_usd += spent.cost_usd
        self._metrics.cost_today_usd.set(self._day_usd)
