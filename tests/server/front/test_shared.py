"""What hosts know together of providers and money, over the directory, in time that
is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver import __version__
from voiceserver.cluster.common import MAX_ACCOUNTS, MAX_STANDS
from voiceserver.cluster.directory import LEASE_S, Directory, Standing, View
from voiceserver.server.front.common import CommonBook, News
from voiceserver.server.front.shared import SAME_S, Shared

TODAY = date(2026, 1, 2)
WALL_S = 1_700_000_000.0
WORKER = 1


@dataclass
class Cluster:
    """Some hosts with one worker each, and the directory between them."""

    now_s: float = 100.0
    today: date = TODAY
    directory: Directory = field(default_factory=Directory)
    hosts: dict[str, OneHost] = field(default_factory=dict)

    def host(self, name: str, boot: str = "1") -> OneHost:
        """Start a host."""
        shared = Shared(lambda: self.now_s, lambda: self.today)
        host = OneHost(name, boot, shared, CommonBook(lambda: self.today))
        host.join()
        self.hosts[name] = host
        return host

    def beat(self, *names: str) -> None:
        """Let hosts tell and be told; all of them, twice, where none is named."""
        for name in names or [*self.hosts] * 2:
            host = self.hosts[name]
            told = Standing.read(host.standing().told())
            view = self.directory.beat(told, self.now_s, WALL_S)
            host.shared.take(View.read(view.told()))

    def wait(self, seconds: float) -> None:
        """Time goes by, and all tell once a second."""
        for _ in range(int(seconds)):
            self.now_s += 1.0
            self.beat()


@dataclass
class OneHost:
    """A front's book with one worker, and what it shares."""

    name: str
    boot: str
    shared: Shared
    book: CommonBook
    told: list[News] = field(default_factory=list)  # to the worker

    def join(self) -> None:
        self.shared.joined(self.book)
        self.book.joined(WORKER, self.told.append)

    def standing(self) -> Standing:
        shared = self.shared
        return replace(
            Standing(
                self.name, f"http://{self.name}", self.boot, __version__, ("s",), WALL_S
            ),
            stands=shared.stands,
            day=shared.day,
            spent=shared.spent,
        )

    def put(self, state: str, opened: int = 0, probe_s: float = 0.0) -> None:
        """Its worker tells that a breaker has moved."""
        news = {"slot": "text", "provider": "p", "state": state}
        self.book.heard(WORKER, news | {"opened": opened, "probe_s": probe_s})

    def spend(self, usd: float, account: str = "", day: date = TODAY) -> None:
        """Its worker tells what it has spent so far in a day."""
        news: News = {"day": day.isoformat(), "spent_usd": usd}
        self.book.heard(WORKER, news | ({"account": account} if account else {}))

    @property
    def state(self) -> object:
        """Where its worker was last told that the breaker stands."""
        states = [news["state"] for news in self.told if "state" in news]
        return states[-1] if states else "closed"

    def elsewhere(self, account: str = "") -> object:
        """What its worker was last told that others have spent."""
        return [
            news["elsewhere_usd"]
            for news in self.told
            if "elsewhere_usd" in news and news.get("account", "") == account
        ][-1]


def test_a_breaker_that_opens_at_one_host_is_open_at_all() -> None:
    """A beat later, with the time of its probe by the clock there; closed again too."""
    it = Cluster()
    a, b = it.host("a"), it.host("b")
    a.put("open", 1, it.now_s + 5.0)
    it.wait(2)
    (news,) = [news for news in b.told if "state" in news]
    assert (news["state"], news["opened"]) == ("open", 1)
    assert news["probe_s"] == pytest.approx(105.0)
    a.put("open", 2, it.now_s + 10.0)
    it.wait(1)
    assert b.told[-1]["opened"] == 2
    a.put("closed")
    it.wait(1)
    assert b.state == "closed"
    it.wait(60)
    assert [news["state"] for news in b.told if "state" in news] == [
        "open",
        "open",
        "closed",
    ]


def test_whoever_comes_later_knows_it() -> None:
    """And what an operator has taken out stays so, whoever goes."""
    it = Cluster()
    a = it.host("a")
    it.host("b")
    a.put("drained")
    it.wait(1)
    del it.hosts["a"]
    it.wait(LEASE_S + 1)
    c = it.host("c")
    it.wait(1)
    assert c.state == "drained"


def test_the_newer_word_counts() -> None:
    """Whoever was away, and comes with an older one, is put right."""
    it = Cluster()
    a, b = it.host("a"), it.host("b")
    a.put("open", 1, 0.0)
    it.wait(1)
    it.now_s += 1.0  # b is cut off
    a.put("drained")
    it.now_s += 2 * SAME_S
    b.put("closed")
    it.wait(1)
    assert (a.state, b.state) == ("closed", "closed")


@pytest.mark.parametrize("state", ["misconfigured", "pin_mismatch"])
def test_what_a_host_finds_out_of_itself_is_its_own(state: str) -> None:
    """A key that one host lacks closes no provider to the others."""
    it = Cluster()
    a, b = it.host("a"), it.host("b")
    a.put(state)
    it.wait(2)
    assert b.state == "closed"
    b.put("open", 1, 0.0)
    it.wait(2)
    b.put("closed")
    it.wait(2)
    assert a.state == state


def test_money_is_one_purse() -> None:
    """What all others have spent today, by account; what was yesterday's is not."""
    it = Cluster()
    a, b, c = it.host("a"), it.host("b"), it.host("c")
    a.spend(0.5)
    a.spend(0.25, "key:x")
    b.spend(1.0)
    b.spend(9.0, day=date(2026, 1, 1))
    it.wait(1)
    assert (a.elsewhere(), b.elsewhere(), c.elsewhere()) == (0.0, 0.5, 0.5)
    b.spend(2.0)
    it.wait(1)
    assert (a.elsewhere(), c.elsewhere(), c.elsewhere("key:x")) == (2.0, 2.5, 0.25)
    it.today = date(2026, 1, 3)
    it.wait(1)
    c.spend(0.125, day=it.today)
    it.wait(1)
    assert a.elsewhere() == 0.125


def test_what_was_spent_stays_spent() -> None:
    """A host that died, one that was away, one started again, a directory anew."""
    it = Cluster()
    a, b = it.host("a"), it.host("b")
    a.spend(1.0)
    it.wait(1)
    for _ in range(2):  # away longer than its lease, and back
        it.now_s += LEASE_S + 1
        it.beat("b", "a", "b")
        assert b.elsewhere() == 1.0
    it.now_s += LEASE_S
    again = it.host("a", boot="2")
    it.wait(1)
    again.spend(0.5)
    it.wait(1)
    assert (b.elsewhere(), again.elsewhere()) == (1.5, 1.0)
    it.directory = Directory()
    it.wait(2)
    assert b.elsewhere() == 1.5


def test_what_is_told_is_bounded() -> None:
    """Of money where it is most, of breakers those that were put last."""
    it = Cluster()
    a = it.host("a")
    for n in range(2 * MAX_ACCOUNTS):
        a.spend(float(n), f"key:{n}")
    for n in range(2 * MAX_STANDS):
        it.now_s += 1.0
        news = {"slot": "text", "provider": f"p{n}", "state": "open"}
        a.book.heard(WORKER, news | {"opened": 1, "probe_s": 0.0})
    assert min(a.shared.spent.values()) == MAX_ACCOUNTS
    assert len(a.shared.stands) == MAX_STANDS
    assert a.shared.stands[0].provider == f"p{2 * MAX_STANDS - 1}"


def _step(it: Cluster, kind: str, name: str, total: dict[str, float]) -> str:
    """Have something happen at a host; return where it puts the breaker, if it does."""
    host, n_s = it.hosts[name], it.now_s
    match kind:
        case "beat":
            it.beat(name)
        case "forget":
            it.directory = Directory()
        case "spend":
            total[name] += 0.25
            host.spend(total[name])
        case "open":
            host.put("open", int(n_s), n_s + 5.0)
        case "closed":
            host.put("closed")
    return kind if kind in ("open", "closed") else ""


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["beat", "forget", "spend", "open", "closed"]),
            st.sampled_from("abc"),
            st.sampled_from([SAME_S * 2, 1.0, LEASE_S + 1]),
        ),
        max_size=30,
    )
)
def test_all_come_to_know_the_same(steps: list[tuple[str, str, float]]) -> None:
    """Whatever happens in whatever order: the last word, and the sum of all."""
    it, last = Cluster(), "closed"
    total = dict.fromkeys("abc", 0.0)
    for name in total:
        it.host(name)
    for kind, name, wait_s in steps:
        it.now_s += wait_s
        last = _step(it, kind, name, total) or last
    it.now_s += 2 * SAME_S
    it.beat()
    it.beat()
    for name, host in it.hosts.items():
        own = {one.state for one in host.shared.stands}
        assert own <= {last}
        others = sum(usd for one, usd in total.items() if one != name)
        assert host.elsewhere() == pytest.approx(others)
