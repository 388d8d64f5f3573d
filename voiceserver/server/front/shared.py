"""What this front's workers know together, told to other hosts and taken from them.

To the front's book all other hosts are one more worker: a breaker that was put
somewhere else is that one's news, and so is what all of them have spent. What is told
is how it stands, once a beat; which of two hosts is right about a provider is whose
word is newer. Knows no provider; money that was spent is never taken back within a day,
so that a directory which knows nobody yet opens no purse.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from voiceserver.cluster.common import (
    MAX_STANDS,
    SHARED_STATES,
    Stand,
    most_spent,
)
from voiceserver.cluster.directory import View
from voiceserver.server.front.common import DAY, CommonBook, News

HOSTS = 0  # their number in the book; workers have theirs from 1
SAME_S = 0.5  # news of one event, by way of two clocks

Key = tuple[str, str]  # slot and provider


class Shared:
    """The other hosts, as a worker of this front's book.

    Args:
        now_s: Monotonic time, that of the workers.
        today: The day it is, by default the machine's.
    """

    def __init__(
        self, now_s: Callable[[], float], today: Callable[[], date] = date.today
    ) -> None:
        self._now_s = now_s
        self._today = today
        self._book: CommonBook | None = None
        self._stands: dict[Key, tuple[News, float]] = {}  # and when it was put so
        self._spent: dict[str, float] = {}  # here
        self._elsewhere: dict[str, float] = {}
        self._day = ""

    def joined(self, book: CommonBook) -> None:
        """Be one of a book's workers."""
        self._book = book
        book.joined(HOSTS, self._heard)

    @property
    def day(self) -> str:
        """The day whose money is told, as an ISO date."""
        self._turn_the_page()
        return self._day

    @property
    def spent(self) -> dict[str, float]:
        """What this host has spent in the day, by account, where it is most."""
        self._turn_the_page()
        return most_spent(self._spent)

    @property
    def stands(self) -> tuple[Stand, ...]:
        """Where breakers stand here, those that were put last."""
        now_s = self._now_s()
        found = [
            Stand(
                *key,
                str(news["state"]),
                int(str(news["opened"])),
                float(str(news["probe_s"])) - now_s,
                now_s - put_s,
            )
            for key, (news, put_s) in self._stands.items()
            if news["state"] in SHARED_STATES
        ]
        return tuple(sorted(found, key=lambda one: one.age_s)[:MAX_STANDS])

    def take(self, view: View) -> None:
        """Take what other hosts know."""
        if self._book is None:
            return
        self._turn_the_page()
        for stand in view.stands:
            self._adopt(stand, self._book)
        if view.day != self._day:
            return
        for account, usd in view.spent.items():
            if usd > self._elsewhere.get(account, 0.0):
                self._elsewhere[account] = usd
                news: News = {"day": self._day, "spent_usd": usd}
                self._book.heard(
                    HOSTS, news | ({"account": account} if account else {})
                )

    def _adopt(self, stand: Stand, book: CommonBook) -> None:
        key, now_s = (stand.slot, stand.provider), self._now_s()
        put_s = now_s - stand.age_s
        known, known_s = self._stands.get(key, ({}, put_s - 2 * SAME_S))
        if known and known["state"] not in SHARED_STATES:
            return  # what this host knows of itself
        alike = (known.get("state"), known.get("opened")) == (stand.state, stand.opened)
        if alike or put_s <= known_s + SAME_S:
            return
        book.heard(
            HOSTS,
            {
                "slot": stand.slot,
                "provider": stand.provider,
                "state": stand.state,
                "opened": stand.opened,
                "probe_s": now_s + stand.due_s,
            },
        )
        self._stands[key] = self._stands[key][0], put_s  # it was put so there

    def _heard(self, news: News) -> None:
        """Take what the book tells its workers."""
        match news:
            case {"slot": str(slot), "provider": str(provider)}:
                self._stands[slot, provider] = news, self._now_s()
            case {"day": str(day), "elsewhere_usd": int() | float() as usd}:
                self._turn_the_page()
                if day == self._day:
                    self._spent[str(news.get("account", DAY))] = float(usd)

    def _turn_the_page(self) -> None:
        day = self._today().isoformat()
        if day != self._day:
            self._day = day
            self._spent.clear()
            self._elsewhere.clear()
