"""What a front keeps for all workers; with engines in ``engines.providers``' tests."""

from __future__ import annotations

from datetime import date

from voiceserver.server.front.common import CommonBook, News

TODAY = date(2026, 1, 2)


def book() -> CommonBook:
    return CommonBook(lambda: TODAY)


def spent(usd: float, day: date = TODAY) -> News:
    return {"day": day.isoformat(), "spent_usd": usd}


def elsewhere(usd: float) -> News:
    return {"day": TODAY.isoformat(), "elsewhere_usd": usd}


def test_news_of_a_breaker_go_to_all_and_back() -> None:
    """The last of each provider is given to who joins later."""
    it = book()
    one: list[News] = []
    late: list[News] = []
    it.joined(1, one.append)
    for state in ("open", "closed"):
        it.heard(1, {"slot": "text", "provider": "a", "state": state})
    it.joined(2, late.append)
    assert [news.get("state") for news in one] == [None, "open", "closed"]
    assert [news.get("state") for news in late] == ["closed", None]


def test_each_is_told_what_the_others_have_spent() -> None:
    """As a sum of the day so far, so that nothing is counted twice."""
    it = book()
    one: list[News] = []
    other: list[News] = []
    it.joined(1, one.append)
    it.joined(2, other.append)
    it.heard(1, spent(0.5))
    it.heard(1, spent(0.75))
    it.heard(2, spent(0.25))
    assert one == [elsewhere(0), elsewhere(0.25)]
    assert other == [elsewhere(0), elsewhere(0.5), elsewhere(0.75)]


def test_who_is_gone_is_told_nothing_and_has_spent_what_it_had() -> None:
    """Yesterday's is forgotten."""
    it = book()
    one: list[News] = []
    it.joined(1, one.append)
    it.heard(1, spent(0.5))
    it.heard(2, spent(9.0, date(2026, 1, 1)))
    it.parted(1)
    it.parted(2)
    it.heard(3, spent(0.25))
    assert one == [elsewhere(0), elsewhere(0)]
    assert it.departed_usd == 0.5
