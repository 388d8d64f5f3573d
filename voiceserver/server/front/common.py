"""What all workers of a server know together: breakers, and what a day has cost.

The front keeps it and each worker has a copy: news of one go to all, in one order, its
own back to it too, so that all end at the same. What a worker that has died had spent
stays in the sum, and one that is started is given all. Which providers there are, and
what a breaker is, is not known here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeAlias

News: TypeAlias = "dict[str, object]"  # JSON; see ``engines.providers.common``
Tell: TypeAlias = "Callable[[News], None]"


class CommonBook:
    """What is known, and whom to tell.

    Args:
        today: The day it is, by default the machine's.
    """

    def __init__(self, today: Callable[[], date] = date.today) -> None:
        self._today = today
        self._standings: dict[tuple[object, object], News] = {}
        self._spent: dict[int, tuple[str, float]] = {}  # by each that lives: day, USD
        self._departed: tuple[str, float] = ("", 0.0)  # day, USD of those that died
        self._tell: dict[int, Tell] = {}

    @property
    def departed_usd(self) -> float:
        """What workers that are gone have spent today."""
        day, usd = self._departed
        return usd if day == self._today().isoformat() else 0.0

    def joined(self, number: int, tell: Tell) -> None:
        """A worker has started: give it all, and from now on every piece of news."""
        self._tell[number] = tell
        for news in self._standings.values():
            tell(news)
        tell(self._elsewhere(number))

    def parted(self, number: int) -> None:
        """A worker is gone; what it has spent stays spent."""
        self._tell.pop(number, None)
        day, usd = self._spent.pop(number, ("", 0.0))
        if day == self._today().isoformat():
            self._departed = day, self.departed_usd + usd

    def heard(self, number: int, news: News) -> None:
        """Take what a worker tells, and tell it to the others."""
        match news:
            case {"slot": slot, "provider": provider}:
                self._standings[slot, provider] = news
                for tell in self._tell.values():
                    tell(news)
            case {"day": str(day), "spent_usd": int() | float() as usd}:
                self._spent[number] = day, float(usd)
                for other, tell in self._tell.items():
                    if other != number:
                        tell(self._elsewhere(other))

    def _elsewhere(self, number: int) -> News:
        """What all but one have spent today."""
        day = self._today().isoformat()
        others = (
            usd
            for other, (spent_on, usd) in self._spent.items()
            if other != number and spent_on == day
        )
        return {"day": day, "elsewhere_usd": sum(others) + self.departed_usd}
