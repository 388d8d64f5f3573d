"""What providers cost: tokens and money by provider, and money by day and by key.

Of several processes that are one server each books what is spent in it, and is told
what the others have spent, so that a limit is one for all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from voiceserver.budget import Spent
from voiceserver.config import BudgetConfig
from voiceserver.errors import ProviderFailed
from voiceserver.metrics import Metrics
from voiceserver.purse import Cap, Purse, Thrift

log = logging.getLogger(__name__)

DAY = ""  # the account of all; the others are those of keys
_THEN = {
    Thrift.CHEAP: "the strong tier is asked no more",
    Thrift.FREE: "providers with a price are asked no more",
}


@dataclass(slots=True)
class _Account:
    """What was spent in a day, here and by other processes."""

    cap: Cap
    own_usd: float = 0.0
    elsewhere_usd: float = 0.0
    told: Thrift = field(default=Thrift.NONE)

    @property
    def thrift(self) -> Thrift:
        return self.cap.thrift(self.own_usd + self.elsewhere_usd)


class Costs:
    """Books what is spent.

    Args:
        metrics: Of this process.
        today: The day it is, by default the machine's.
        caps: Of a day, of a key and of a call.
    """

    def __init__(
        self,
        metrics: Metrics,
        today: Callable[[], date] = date.today,
        caps: BudgetConfig | None = None,
    ) -> None:
        budget = caps or BudgetConfig()
        self._metrics = metrics
        self._today = today
        self._day_cap = Cap(budget.max_usd_per_day, budget.cheap_from)
        self._key_cap = Cap(budget.max_usd_per_key, budget.cheap_from)
        self._call_cap = Cap(budget.max_usd_per_call, budget.cheap_from)
        self._day = today()
        self._accounts: dict[str, _Account] = {}
        self.booked: Callable[[date, str, float], None] = lambda *_booked: None
        metrics.cost_today_usd.set_function(lambda: self.own_usd)

    @property
    def day(self) -> date:
        """The day that is booked for."""
        self._turn_the_page()
        return self._day

    @property
    def own_usd(self) -> float:
        """Spent today by this process."""
        return self._account(DAY).own_usd

    @property
    def day_usd(self) -> float:
        """Spent today by all processes, as far as is known here."""
        account = self._account(DAY)
        return account.own_usd + account.elsewhere_usd

    @property
    def own(self) -> Mapping[str, float]:
        """Spent today by this process: of all by ``DAY``, and of each key."""
        self._turn_the_page()
        return {name: each.own_usd for name, each in self._accounts.items()}

    @property
    def thrift(self) -> Thrift:
        """Who may still be asked today, as far as the whole server goes."""
        return self._account(DAY).thrift

    def purse(self, key: str) -> Purse:
        """What a call may spend that begins now.

        Args:
            key: Names its API key; ``""`` if it has none.
        """

        def reached(thrift: Thrift) -> None:
            self._reached("call", self._call_cap, thrift)

        of_key = _KeyPays(self, f"key:{key}")
        return Purse(self._call_cap, (of_key, _DayPays(self)), reached)

    def book(self, provider: str, spent: Spent) -> None:
        """Book what one call of a provider cost."""
        tokens = self._metrics.tokens
        tokens.labels(provider, "in").inc(spent.tokens_in)
        tokens.labels(provider, "out").inc(spent.tokens_out)
        tokens.labels(provider, "wasted").inc(spent.tokens_wasted)
        self._metrics.cost_usd.labels(provider).inc(spent.cost_usd)
        self.pay(DAY, spent.cost_usd)

    def pay(self, name: str, usd: float) -> None:
        """Take that so much more was spent on an account."""
        account = self._account(name)
        account.own_usd += usd
        self._warn(name, account)
        if usd:
            self.booked(self._day, name, account.own_usd)

    def thrift_of(self, name: str) -> Thrift:
        """Who may still be asked as far as an account goes."""
        return self._account(name).thrift

    def told(self, day: date, elsewhere_usd: float, name: str = DAY) -> None:
        """Take what other processes have spent in a day; of another day it is void."""
        account = self._account(name)
        if day == self._day:
            account.elsewhere_usd = elsewhere_usd
            self._warn(name, account)

    def _account(self, name: str) -> _Account:
        self._turn_the_page()
        if name not in self._accounts:
            cap = self._key_cap if name else self._day_cap
            self._accounts[name] = _Account(cap)
        return self._accounts[name]

    def _turn_the_page(self) -> None:
        day = self._today()
        if day != self._day:
            self._day = day
            self._accounts.clear()

    def _warn(self, name: str, account: _Account) -> None:
        if account.thrift > account.told:
            account.told = account.thrift
            self._reached("key" if name else "day", account.cap, account.thrift, name)

    def _reached(self, kind: str, cap: Cap, thrift: Thrift, name: str = "") -> None:
        self._metrics.money_caps.labels(kind, thrift.name.lower()).inc()
        log.warning(
            "a cap of money is near or reached",
            extra={"cap": name.rstrip(":") or kind, "limit_usd": cap.limit_usd}
            | {"then": _THEN[thrift]},
        )


@dataclass(frozen=True, slots=True)
class _KeyPays:
    """The account of a key, as what pays with a call."""

    costs: Costs
    name: str

    @property
    def thrift(self) -> Thrift:
        return self.costs.thrift_of(self.name)

    def pay(self, usd: float) -> None:
        self.costs.pay(self.name, usd)


@dataclass(frozen=True, slots=True)
class _DayPays:
    """The account of all; what is spent is booked there by provider."""

    costs: Costs

    @property
    def thrift(self) -> Thrift:
        return self.costs.thrift

    def pay(self, usd: float) -> None:
        del usd


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
