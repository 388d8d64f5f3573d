"""Metrics of several processes as those of one server."""

from __future__ import annotations

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from voiceserver.metrics import Metrics
from voiceserver.server.front.sums import Sums


def shown(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


def values(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def busy(calls: int, turns: int) -> Metrics:
    metrics = Metrics()
    metrics.calls.set(calls)
    metrics.turns.labels('a "quoted\\" one\n', "ok").inc(turns)
    for _ in range(turns):
        metrics.stage_seconds.labels("text", "ok").observe(0.05)
    return metrics


def test_the_sum_of_one_is_itself() -> None:
    """To the letter: a server of several processes tells what one alone would."""
    metrics = busy(2, 3)
    metrics.calls_total.labels("ended").inc(12_345_678)
    text = shown(metrics)
    assert Sums().of([(1, text)]) == text


def test_all_but_beginnings_are_added() -> None:
    """Counters, gauges, and each bucket of a histogram."""
    one, two = values(shown(busy(2, 3))), values(shown(busy(1, 4)))
    sums = values(Sums().of([(1, shown(busy(2, 3))), (2, shown(busy(1, 4)))]))
    assert sums.keys() == one.keys() | two.keys()
    for key, value in sums.items():
        if not key[0].endswith("_created"):
            assert value == one[key] + two[key]
        else:
            assert value > 1e9
            assert value < 1e10


def test_counters_of_a_dead_process_stay_and_gauges_do_not() -> None:
    """Though another of its number has begun to count from 0."""
    sums = Sums()
    sums.of([(1, shown(busy(2, 3))), (2, shown(busy(1, 4)))])
    after = values(sums.of([(1, shown(busy(0, 1))), (2, shown(busy(1, 4)))], [1]))
    assert after["voiceserver_calls", ()] == 1
    labels = (("answered_by", 'a "quoted\\" one\n'), ("outcome", "ok"))
    assert after["voiceserver_turns_total", labels] == 3 + 1 + 4


def test_a_process_that_cannot_be_asked_is_as_it_was_last() -> None:
    """Its counters at least, so that none falls."""
    sums = Sums()
    sums.of([(1, shown(busy(2, 3)))])
    after = values(sums.of([]))
    labels = (("answered_by", 'a "quoted\\" one\n'), ("outcome", "ok"))
    assert after["voiceserver_turns_total", labels] == 3
    assert ("voiceserver_calls", ()) not in after
