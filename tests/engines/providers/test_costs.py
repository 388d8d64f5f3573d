"""What providers cost."""

from __future__ import annotations

from datetime import date, timedelta

from voiceserver.budget import Spent
from voiceserver.engines.providers.costs import Costs
from voiceserver.metrics import Metrics


def test_a_day_begins_at_nothing() -> None:
    """The total goes on."""
    days = [date(2026, 1, 1)]
    metrics = Metrics()
    costs = Costs(metrics, lambda: days[-1])
    costs.book("a", Spent(10, 5, 15, 0.5))
    costs.book("b", Spent(1, 1, 0, 0.25))
    assert costs.day_usd == 0.75
    days.append(days[-1] + timedelta(days=1))
    assert costs.day_usd == 0
    costs.book("a", Spent(cost_usd=0.1))
    assert costs.day_usd == 0.1
    value = metrics.registry.get_sample_value
    assert value("voiceserver_cost_usd_total", {"provider": "a"}) == 0.6
    assert value("voiceserver_tokens_total", {"provider": "a", "kind": "wasted"}) == 15
