"""How many calls there may be."""

from __future__ import annotations

import pytest

from voiceserver.errors import Overloaded
from voiceserver.metrics import Metrics
from voiceserver.server.places import OwnCalls, Room


def refused(metrics: Metrics, reason: str) -> float | None:
    return metrics.registry.get_sample_value(
        "voiceserver_calls_refused_total", {"reason": reason}
    )


def test_a_place_that_is_left_is_free() -> None:
    """In all, and of an address."""
    metrics = Metrics()
    room = Room(2, 1, metrics)
    room.take("a")
    with pytest.raises(Overloaded, match="An address may hold 1 calls"):
        room.check("a")
    room.check("b")
    room.take("b")
    with pytest.raises(Overloaded, match="All 2 lines"):
        room.check("c")
    room.leave("a")
    assert len(room) == 1
    room.check("a")
    assert (refused(metrics, "address"), refused(metrics, "full")) == (1, 1)


def test_an_address_without_a_limit_may_take_all() -> None:
    """0 is the limit of the whole."""
    room = Room(3, 0, Metrics())
    for _ in range(3):
        room.check("a")
        room.take("a")
    with pytest.raises(Overloaded, match="All 3 lines"):
        room.check("a")


def test_a_server_that_goes_takes_none() -> None:
    """Whoever is there stays."""
    metrics = Metrics()
    room = Room(3, 0, metrics)
    room.take("a")
    room.close("bye")
    assert room.closing
    with pytest.raises(Overloaded, match="shutting down"):
        room.check("b")
    assert (len(room), refused(metrics, "closing")) == (1, 1)


def test_one_key_cannot_take_all_places() -> None:
    """From wherever it is used; who has no key is not counted."""
    metrics = Metrics()
    room = Room(8, 0, metrics, max_calls_by=2)
    for place in ("a", "b"):
        room.check(place, "key")
        room.take(place, "key")
        room.take(place)
    with pytest.raises(Overloaded, match="A key may hold 2 calls"):
        room.check("c", "key")
    room.check("c", "another key")
    room.check("c")
    room.leave("a", "key")
    room.check("c", "key")
    assert refused(metrics, "key") == 1


def test_calls_past_the_front_are_told_and_bounded() -> None:
    """With those that it has let in."""
    told: list[int] = []
    own = OwnCalls(told.append)
    own.elsewhere = 2
    own.check(3)
    own.count(1)
    with pytest.raises(Overloaded, match="All 3 lines"):
        own.check(3)
    own.count(-1)
    own.check(3)
    assert told == [1, 0]
