"""The directory of hosts, in time that is told."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver import __version__
from voiceserver.cluster.common import MAX_ACCOUNTS, MAX_STANDS, Stand
from voiceserver.cluster.directory import (
    CLOCKS_APART_S,
    LEASE_S,
    LOOKED_EVERY_S,
    MAX_COUNTS,
    MAX_HOSTS,
    MAX_TOLD,
    Directory,
    Held,
    Refused,
    Standing,
    View,
    most_held,
)
from voiceserver.processes.ipc import MAX_BODY

WALL_S = 1_700_000_000.0
STANDS = tuple(
    Stand("speech", f"{n:032}", "drained", 12, 123_456.123456789, 123_456.123456789)
    for n in range(MAX_STANDS)
)
SPENT = {f"key:{n:064}": 1000.123456 for n in range(MAX_ACCOUNTS)}


def host(name: str, **other: object) -> Standing:
    standing = Standing(
        name, f"http://{name}:80", "boot", __version__, ("s",), WALL_S, free=4
    )
    return replace(standing, **other)  # type: ignore[arg-type]


def test_who_is_silent_is_gone() -> None:
    """A lease is kept by beats, and ends by itself."""
    directory = Directory()
    assert directory.beat(host("a"), 0.0, WALL_S).peers == ()
    (a,) = directory.beat(host("b", free=7), 1.0, WALL_S).peers
    assert (a.name, a.url, a.free) == ("a", "http://a:80", 4)
    (b,) = directory.beat(host("a"), 2.0, WALL_S).peers
    assert b.free == 7
    assert [one.name for one in directory.hosts(1.0 + LEASE_S)] == ["a"]
    assert directory.beat(host("b"), 2.0 + LEASE_S, WALL_S).peers == ()


def test_a_name_is_one_hosts_until_its_lease_ends() -> None:
    """Another start of it has to wait, unless the one before said goodbye."""
    directory = Directory()
    directory.beat(host("a"), 0.0, WALL_S)
    with pytest.raises(Refused, match="http://a:80"):
        directory.beat(host("a", boot="next"), 1.0, WALL_S)
    directory.beat(host("a", boot="next"), LEASE_S, WALL_S)
    directory.leave("a", "boot")  # late: of the one before
    with pytest.raises(Refused):
        directory.beat(host("a"), LEASE_S, WALL_S)
    directory.leave("a", "next")
    directory.beat(host("a"), LEASE_S, WALL_S)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"version": "0.0.1"}, "runs voiceserver"),
        ({"secrets": ("other",)}, "share one"),
        ({"wall_s": WALL_S - 3600}, "3600 s behind"),
        ({"wall_s": WALL_S + 3600}, "3600 s ahead"),
    ],
)
def test_who_cannot_be_one_of_us_is_told_why(
    wrong: dict[str, object], words: str
) -> None:
    """And is not there for the others."""
    directory = Directory()
    directory.beat(host("a"), 0.0, WALL_S)
    with pytest.raises(Refused, match=words):
        directory.beat(host("b", **wrong), 0.0, WALL_S)
    assert directory.beat(host("a"), 0.0, WALL_S).peers == ()


def test_secrets_change_one_host_after_the_other() -> None:
    """Each step shares one with the step before."""
    directory = Directory()
    for n, secrets in enumerate([("old",), ("old", "new"), ("new", "old"), ("new",)]):
        both = ("a", "b") if n else ("a",)
        for name in both:
            directory.beat(host(name, secrets=secrets), float(n), WALL_S)
    assert len(directory.hosts(3.0)) == 2


def test_a_directory_is_bounded() -> None:
    """One host too many is told; one that is there stays; all are told in a message."""
    directory = Directory()
    names = [f"{'h' * 27}{n:05}" for n in range(MAX_HOSTS)]
    for n, name in enumerate(names):
        held = {f"{n:04}{m:012}": 9_999 for m in range(MAX_COUNTS)}
        url = f"https://{'h' * 80}:65535"
        standing = host(
            name, url=url, held=held, stands=STANDS, day="2026-01-02", spent=SPENT
        )
        assert len(json.dumps({"beat": standing.told()})) < MAX_BODY
        directory.beat(standing, 0.0, WALL_S)
    with pytest.raises(Refused, match="full"):
        directory.beat(host("more"), 0.0, WALL_S)
    view = directory.beat(host(names[0], day="2026-01-02"), 0.0, WALL_S)
    assert (len(view.peers), len(view.held)) == (MAX_HOSTS - 1, MAX_TOLD)
    assert (len(view.stands), len(view.spent)) == (MAX_STANDS, MAX_ACCOUNTS)
    told = json.dumps(view.told(), separators=(",", ":"))
    assert len(told) < MAX_BODY
    assert View.read(json.loads(told)) == view


def test_what_others_hold_is_added_up() -> None:
    """Of an address at two hosts; not what one holds itself."""
    directory = Directory()
    for name, n in (("a", 1), ("b", 2), ("c", 3)):
        directory.beat(host(name, held={"x": n, name: 1}), 0.0, WALL_S)
    view = directory.beat(host("a", held={"x": 1}), 0.0, WALL_S)
    assert view.held == {"x": 5, "b": 1, "c": 1}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.dictionaries(st.sampled_from("vwxyz"), st.integers(1, 9)),
            st.floats(0, 2 * LEASE_S),
        ),
        min_size=1,
    )
)
def test_what_is_added_up_is_what_all_others_hold(
    beats: list[tuple[str, dict[str, int], float]],
) -> None:
    """Whoever comes, changes, or is gone meanwhile."""
    directory, now_s = Directory(), 0.0
    for name, held, after_s in beats:
        now_s += after_s
        view = directory.beat(host(name, held=held), now_s, WALL_S)
        others = (one for one in directory.hosts(now_s) if one.name != name)
        assert view.held == sum((Counter(one.held) for one in others), Counter())


def test_a_beat_costs_as_much_as_it_tells() -> None:
    """Not as much as all hosts tell: those with the most are looked for seldom."""
    held = Held()
    for n in range(MAX_HOSTS):
        held.tell({}, {f"{n}.{m}": n for m in range(MAX_COUNTS)})
    told = held.elsewhere({}, 1.0)
    assert set(told.values()) == {MAX_HOSTS - 1, MAX_HOSTS - 2, MAX_HOSTS - 3}
    held.tell({}, {"more": 9_999})
    assert held.elsewhere({}, 1.0 + LOOKED_EVERY_S / 2) == told
    assert held.elsewhere({}, 1.0 + LOOKED_EVERY_S)["more"] == 9_999


def test_of_many_the_most_are_told() -> None:
    """The others have so few that no limit is near."""
    told = most_held({str(n): n for n in range(2 * MAX_COUNTS)})
    assert min(told.values()) == MAX_COUNTS


def test_another_versions_words_are_refused_not_broken() -> None:
    """It tells less, or more: what is known is read."""
    told = host("a").told()
    assert Standing.read(told | {"new": 1}) == host("a")
    del told["url"]
    with pytest.raises(Refused, match="too little"):
        Standing.read(told)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["beat", "leave", "wait"]),
            st.sampled_from("abcd"),
            st.sampled_from(["1", "2"]),
            st.floats(0, 2 * LEASE_S),
        ),
        max_size=40,
    )
)
def test_a_host_is_there_exactly_while_its_lease_holds(
    steps: list[tuple[str, str, str, float]],
) -> None:
    """Whatever comes in whatever order, against a model of two lines."""
    directory, now_s = Directory(), 0.0
    until: dict[str, tuple[str, float]] = {}
    for kind, name, boot, wait_s in steps:
        now_s += wait_s
        until = {n: one for n, one in until.items() if one[1] > now_s}
        if kind == "leave":
            directory.leave(name, boot)
            if until.get(name, ("", 0))[0] == boot:
                del until[name]
        elif kind == "beat":
            if until.get(name, (boot, 0))[0] == boot:
                view = directory.beat(host(name, boot=boot), now_s, WALL_S)
                until[name] = boot, now_s + LEASE_S
                assert {one.name for one in view.peers} == until.keys() - {name}
            else:
                with pytest.raises(Refused):
                    directory.beat(host(name, boot=boot), now_s, WALL_S)
        assert {one.name for one in directory.hosts(now_s)} == until.keys()


def test_clocks_may_be_a_little_apart() -> None:
    """As much as seals allow."""
    Directory().beat(host("a", wall_s=WALL_S + CLOCKS_APART_S), 0.0, WALL_S)
