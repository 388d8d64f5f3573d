"""What the processes of one server tell each other of its providers, and money.

A breaker that opens, closes or is drained in one process stands so in all, and what a
day has cost is known to each, so that a limit is one for all. Who carries the news, and
to whom, is not known here; a process alone has nobody to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import TypeAlias

from voiceserver.engines.providers.breaker import BreakerState, Standing
from voiceserver.engines.providers.costs import DAY, Costs
from voiceserver.engines.providers.route import Route
from voiceserver.engines.providers.tending import PROBE_LIMIT_S

News: TypeAlias = "dict[str, object]"  # JSON

LATER_S = PROBE_LIMIT_S + 1.0  # until another process's probe must have been heard of


class CommonKnowledge:
    """One process's part of it.

    Args:
        routes: The providers.
        costs: What they cost.

    Attributes:
        tell: Given each piece of news, to be carried to the others.
    """

    def __init__(self, routes: Sequence[Route], costs: Costs) -> None:
        self.tell: Callable[[News], None] = lambda _news: None
        self._routes = {(route.slot, route.name): route for route in routes}
        self._costs = costs
        costs.booked = lambda day, name, usd: self.tell(_spent(day, name, usd))
        for route in routes:
            route.moved = self._moving(route)

    def all_news(self) -> Iterator[News]:
        """Give what others must know, whatever they were told before."""
        for route in self._routes.values():
            if (standing := route.breaker.standing) != Standing():
                yield _stands(route, standing)
        for name, own_usd in self._costs.own.items():
            if own_usd:
                yield _spent(self._costs.day, name, own_usd)

    def take(self, news: News) -> None:
        """Take what another process told, by way of the front."""
        match news:
            case {
                "slot": str(slot),
                "provider": str(name),
                "state": str(state),
                "opened": int(opened),
                "probe_s": int() | float() as probe_s,
            }:
                if (route := self._routes.get((slot, name))) is not None:
                    told = Standing(BreakerState(state), opened, float(probe_s))
                    route.adopt(told, LATER_S)
            case {"day": str(day), "elsewhere_usd": int() | float() as usd}:
                name = str(news.get("account", DAY))
                self._costs.told(date.fromisoformat(day), float(usd), name)

    def _moving(self, route: Route) -> Callable[[Standing], None]:
        return lambda standing: self.tell(_stands(route, standing))


def _stands(route: Route, standing: Standing) -> News:
    return {
        "slot": route.slot,
        "provider": route.name,
        "state": standing.state.value,
        "opened": standing.opened,
        # Of the machine's monotonic clock, which all its processes have.
        "probe_s": standing.probe_s,
    }


def _spent(day: date, name: str, own_usd: float) -> News:
    told: News = {"day": day.isoformat(), "spent_usd": own_usd}
    return told | {"account": name} if name else told
