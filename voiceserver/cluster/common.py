"""What hosts know together of providers and of money, besides who they are.

Where a provider's breaker stands is what was last said of it at any host, and what a
day has cost is the sum of all, those included that are gone. Both are told as they
stand, not as they change, so that whoever missed something has it a beat later. Pure:
time is told. What a host tells costs as much as it tells, however many hosts there are.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

MAX_STANDS = 32  # breakers of which a host tells, and is told
MAX_ACCOUNTS = 100  # of money: that of all, and those of the keys that spent the most
SMALLEST_USD = 1e-7  # less is what adding up leaves over
MAX_STARTS = 600  # of hosts, those that are gone included, whose spending is known
# What a host finds out of itself, such as a key that it lacks, says nothing of others.
SHARED_STATES = frozenset(("closed", "open", "drained"))


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a provider's breaker stands at a host.

    Attributes:
        slot: Of the provider: ``"text"`` or ``"speech"``.
        provider: Its name.
        state: One of ``SHARED_STATES``.
        opened: Times in a row that it has opened.
        due_s: Until its next probe, if it is open.
        age_s: Since it stands so.
    """

    slot: str
    provider: str
    state: str
    opened: int
    due_s: float
    age_s: float


class Board:
    """Where breakers stand: of each provider what was said of it last."""

    def __init__(self) -> None:
        # With times as they are by the clock, in place of spans.
        self._stands: dict[tuple[str, str], Stand] = {}

    def put(self, stands: Iterable[Stand], now_s: float) -> None:
        """Take what a host tells."""
        for one in stands:
            key, put_s = (one.slot, one.provider), now_s - one.age_s
            known = self._stands.get(key)
            if known is None or put_s > known.age_s:
                at_s = now_s + one.due_s
                self._stands[key] = replace(one, due_s=at_s, age_s=put_s)
        if len(self._stands) > MAX_STANDS:
            newest = sorted(self._stands.items(), key=lambda item: -item[1].age_s)
            self._stands = dict(newest[:MAX_STANDS])

    def told(self, now_s: float) -> tuple[Stand, ...]:
        """What a host is told, those that were put last first."""
        return tuple(
            replace(one, due_s=one.due_s - now_s, age_s=now_s - one.age_s)
            for one in sorted(self._stands.values(), key=lambda one: -one.age_s)
        )


def most_spent(spent: Mapping[str, float]) -> dict[str, float]:
    """Of money by account, what is told: where it is most; to a millionth of a USD."""
    most = heapq.nlargest(MAX_ACCOUNTS, spent.items(), key=lambda one: one[1])
    return {name: round(usd, 6) for name, usd in most}


class Ledger:
    """What hosts have spent, by day and account.

    Each start of a host counts with what it told last, whether or not it is there: one
    that was away for a while, and tells again, has not spent it twice.
    """

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], tuple[str, Mapping[str, float]]] = {}
        self._total: dict[str, dict[str, float]] = {}

    def tell(
        self, start: tuple[str, str], day: str, spent: Mapping[str, float]
    ) -> None:
        """Take what a start of a host, by name and boot, has spent in a day."""
        self._forget(start)
        if not spent:
            return
        self._told[start] = day, spent  # the last of all
        self._add(day, spent, 1.0)
        if len(self._told) > MAX_STARTS:
            self._forget(next(iter(self._told)))

    def elsewhere(self, start: tuple[str, str], day: str) -> dict[str, float]:
        """What all but one start have spent in a day, by account, where it is most."""
        total = self._total.get(day, {})
        told_day, own = self._told.get(start, (day, {}))
        if told_day == day:
            total = {name: usd - own.get(name, 0.0) for name, usd in total.items()}
        return {name: usd for name, usd in most_spent(total).items() if usd > 0.0}

    def _forget(self, start: tuple[str, str]) -> None:
        if (told := self._told.pop(start, None)) is not None:
            self._add(*told, -1.0)

    def _add(self, day: str, spent: Mapping[str, float], sign: float) -> None:
        total = self._total.setdefault(day, {})
        for name, usd in spent.items():
            total[name] = total.get(name, 0.0) + sign * usd
            if total[name] < SMALLEST_USD:
                del total[name]
        if not total:
            del self._total[day]
