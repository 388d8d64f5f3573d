"""Adds up the metrics of several processes into those of one server.

Counters and histograms are summed, and so are gauges: calls, money, breakers by state
(of which there is one in each process). What a process had counted before it died stays
in the sum, as far as was last seen, so that no counter ever falls. Knows nothing of
what is counted; Prometheus' text format is read and written by its own client.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

_CREATED = "_created"  # when a series began: the first counts, no sum means anything


class Sums:
    """The metrics of one server."""

    def __init__(self) -> None:
        self._last: dict[int, list[Metric]] = {}
        self._departed: list[Metric] = []

    def of(self, texts: Iterable[tuple[int, str]], departed: Iterable[int] = ()) -> str:
        """Add up.

        Args:
            texts: Number of each process that could be asked, and its metrics. Of one
                that could not, the counters of the last time stand.
            departed: Numbers of those that have died since the last time. What they
                had counted is kept, their gauges are not.
        """
        for number in departed:
            left = [
                metric
                for metric in self._last.pop(number, ())
                if metric.type != "gauge" or metric.name.endswith(_CREATED)
            ]
            self._departed = _Sum([*self._departed, *left]).collect()
        asked = {number: list(text_string_to_metric_families(t)) for number, t in texts}
        missed = self._last.keys() - asked.keys()
        self._last |= asked
        living = [
            metric
            for number, found in self._last.items()
            for metric in found
            if number not in missed or metric.type != "gauge"
        ]
        return generate_latest(_Sum([*living, *self._departed])).decode()


class _Sum(Collector):
    """Metrics, those of one name made one."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        """Add up, sample by sample."""
        sums: dict[str, Metric] = {}
        values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
        for metric in self._metrics:
            name = metric.name
            sums.setdefault(name, Metric(name, metric.documentation, metric.type))
            into = values.setdefault(name, {})
            for sample in metric.samples:
                key = sample.name, tuple(sorted(sample.labels.items()))
                if key in into and sample.name.endswith(_CREATED):
                    into[key] = min(into[key], sample.value)
                else:
                    into[key] = into.get(key, 0.0) + sample.value
        for name, metric in sums.items():
            for (sample_name, labels), value in values[name].items():
                metric.add_sample(sample_name, dict(labels), value)
        return list(sums.values())
