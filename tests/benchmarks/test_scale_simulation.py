"""Many hosts, simulated: places are the server's, costs are what was measured."""

from __future__ import annotations

from itertools import pairwise

import pytest

from benchmarks.scale_fleet import (
    DAY_S,
    CountedPlaces,
    Day,
    RoomPlaces,
    lived,
    of_peak,
    told,
)
from benchmarks.scale_host import LoopCost, Speaking, fitted, launches, loop_run, voiced
from benchmarks.scale_simulation import (
    KINDS,
    WITHIN,
    Costs,
    costs,
    parts,
    read,
    two_hosts,
)
from benchmarks.scale_turns import slowed
from voiceserver.overload import Load

NOON = Day(6, 5, 27.0, at_once=2, begins_s=DAY_S / 2 - 400, lasts_s=900.0)


@pytest.mark.parametrize("seed", range(5))
def test_counted_places_are_the_servers_places(seed: int) -> None:
    """Call by call or all at once: the same callers are taken, refused and sent on."""
    by_rooms = lived(NOON, RoomPlaces(NOON.hosts, NOON.places), seed)
    counted = lived(NOON, CountedPlaces(NOON.hosts, NOON.places), seed)
    assert by_rooms.refused > 0
    assert by_rooms.lost > 0
    assert by_rooms.by_load.tolist() == counted.by_load.tolist()
    assert told(by_rooms) == told(counted)


def test_no_host_holds_more_than_its_places_and_most_callers_are_taken() -> None:
    """With a tenth of room; two draws keep hosts even."""
    day = Day(40, 50, 1800.0, begins_s=9.0 * 3600, lasts_s=1800.0)
    tally = lived(day, CountedPlaces(day.hosts, day.places))
    assert tally.fullest <= 1.0
    assert tally.refused == 0
    assert tally.uneven < 10


def test_a_day_has_one_peak_and_a_night() -> None:
    """And goes on smoothly at midnight."""
    shares = [of_peak(60.0 * minute) for minute in range(24 * 60 + 1)]
    assert max(shares) == 1.0
    assert min(shares) > 0
    assert max(abs(a - b) for a, b in pairwise(shares)) < 0.01


def test_what_calls_cost_is_predicted_where_it_was_measured() -> None:
    """Within a tenth at every step, three of which the law was fitted at."""
    law = costs().loop
    for step in read("admission")["steps"]:
        took = step["server_cores"]
        assert law.over(2, step["calls"]) == pytest.approx(took, rel=WITHIN)


def test_a_law_is_found_again() -> None:
    """From what it says of some numbers of calls on two loops."""
    law = LoopCost(0.02, 0.06)
    found = fitted([(n, law.over(2, n)) for n in (1, 9, 30)], 2)
    assert found.call == pytest.approx(0.02)
    assert found.root == pytest.approx(0.06)
    assert law.cores(law.most(0.8)) <= 0.8 < law.cores(law.most(0.8) + 1)


def test_a_loop_past_its_core_refuses_by_the_servers_own_rule() -> None:
    """And is on time before it."""
    law = LoopCost(0.02, 0.06)
    assert loop_run(20, law).level is Load.NORMAL
    assert loop_run(60, law).level is Load.FULL


def test_a_voice_is_late_only_where_it_has_too_much_to_say() -> None:
    """One step at a time; a GPU's launches hold many more."""
    alone = launches({1: 0.035}, {1: 0.03})
    assert voiced(10, alone, Speaking(), 30.0).late == 0
    crowded = voiced(60, alone, Speaking(), 30.0)
    assert crowded.late + crowded.refused > 0.1
    together = {1: 0.002, 8: 0.003, 64: 0.006}
    assert voiced(60, launches(together, together), Speaking(), 30.0).late == 0


def test_the_part_that_holds_the_least_is_full_first() -> None:
    """More workers hold more, until the cores are used up."""
    cost = Costs(LoopCost(0.02, 0.06), 0.035, 0.03, {1: 0.002})
    kind = next(one for one in KINDS if one.name == "16 cores")
    few, many = (parts(kind, cost, n, {False: 30, True: 900}) for n in (4, 16))
    assert few.first_full == "event loops"
    assert many.first_full == "cores"
    assert few.most < many.most


def test_a_slow_provider_is_left_alone_soon() -> None:
    """And turns are as good as before, but for those that found out."""
    found = slowed(10.0, 120.0)
    assert found["left_alone_after_s"] < 5
    share = found["without_a_filler_percent"]
    assert share["slow"] > share["before"] - 25


def test_nothing_is_told_of_an_empty_day() -> None:
    """No division by nobody."""
    tally = lived(Day(2, 1, 0.0, lasts_s=10.0), CountedPlaces(2, 1))
    assert told(tally)["calls_offered"] == told(tally)["refused_percent"] == 0


def test_two_hosts_hold_what_two_of_one_do() -> None:
    """Where each takes of its core what one took, and the measured run is so."""

    def step(calls: int) -> dict[str, float]:
        cost = {"hosts_cpu_s": 0.03, "callers_cpu_s": 0.01}
        return {"calls": calls, "ray_cores": 0.05, **cost}

    one = {"calls_held": 16, "steps": [step(calls) for calls in (6, 12, 18)]}
    two = {"calls_held": 32, "steps": [step(20)]}
    held, cores = two_hosts({"one": one, "two": two})
    assert held["model"] == pytest.approx(32, abs=0.5)
    assert cores["model"] == pytest.approx(0.6, rel=0.01)
