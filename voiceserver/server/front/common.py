"""What all workers of a server know together: breakers, and what a day has cost.

Money has accounts: one of all, and one of each key.

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
DAY = ""  # the account of all
Tell: TypeAlias = "Callable[[News], None]"


class CommonBook:
    """What is known, and whom to tell.

    Args:
        today: The day it is, by default the machine's.
    """

    def __init__(self, today: Callable[[], date] = date.today) -> None:
        self._today = today
        self._standings: dict[tuple[object, object], News] = {}
        # By account: of each that lives, and of those that died; day and USD.
        self._spent: dict[str, dict[int, tuple[str, float]]] = {DAY: {}}
        self._departed: dict[str, tuple[str, float]] = {}
        self._tell: dict[int, Tell] = {}

    @property
    def departed_usd(self) -> float:
        """What workers that are gone have spent today."""
        return self._departed_of(DAY)

    def _departed_of(self, account: str) -> float:
        day, usd = self._departed.get(account, ("", 0.0))
        return usd if day == self._today().isoformat() else 0.0

    def joined(self, number: int, tell: Tell) -> None:
        """A worker has started: give it all, and from now on every piece of news."""
        self._tell[number] = tell
        for news in self._standings.values():
            tell(news)
        for account in self._spent:
            tell(self._elsewhere(number, account))

    def parted(self, number: int) -> None:
        """A worker is gone; what it has spent stays spent."""
        self._tell.pop(number, None)
        for account, spent in self._spent.items():
            day, usd = spent.pop(number, ("", 0.0))
            if day == self._today().isoformat():
                self._departed[account] = day, self._departed_of(account) + usd

    def heard(self, number: int, news: News) -> None:
        """Take what a worker tells, and tell it to the others."""
        match news:
            case {"slot": slot, "provider": provider}:
                self._standings[slot, provider] = news
                for tell in self._tell.values():
                    tell(news)
            case {"day": str(day), "spent_usd": int() | float() as usd}:
                account = str(news.get("account", DAY))
                self._spent.setdefault(account, {})[number] = day, float(usd)
                for other, tell in self._tell.items():
                    if other != number:
                        tell(self._elsewhere(other, account))

    def _elsewhere(self, number: int, account: str) -> News:
        """What all but one have spent today on an account."""
        day = self._today().isoformat()
        others = (
            usd
            for other, (spent_on, usd) in self._spent[account].items()
            if other != number and spent_on == day
        )
        elsewhere_usd = sum(others) + self._departed_of(account)
        told: News = {"day": day, "elsewhere_usd": elsewhere_usd}
        return told | {"account": account} if account else told
