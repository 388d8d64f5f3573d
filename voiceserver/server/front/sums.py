"""Adds up the metrics of several processes into those of one server.

Counters and histograms are summed, and so are gauges: calls, money, breakers by state
(of which there is one in each process). What a process had counted before it died stays
in the sum, as far as was last seen, so that no counter ever falls. Knows Prometheus'
text format, and nothing of what is counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from prometheus_client.parser import text_string_to_metric_families

Key: TypeAlias = "tuple[str, tuple[tuple[str, str], ...]]"
_CREATED = "_created"  # when a series began: the first counts, no sum means anything


@dataclass(slots=True)
class _Family:
    kind: str
    text: str
    samples: dict[Key, float] = field(default_factory=dict)

    def add(self, other: _Family) -> None:
        for key, value in other.samples.items():
            if key in self.samples and key[0].endswith(_CREATED):
                self.samples[key] = min(self.samples[key], value)
            else:
                self.samples[key] = self.samples.get(key, 0.0) + value


Families: TypeAlias = "dict[str, _Family]"


def families(text: str) -> Families:
    """Read Prometheus' text format."""
    found: Families = {}
    for family in text_string_to_metric_families(text):
        kind, name = family.type, family.name
        # The parser takes the ending off, the format wants it.
        shown = f"{name}_total" if kind == "counter" else name
        into = found.setdefault(shown, _Family(kind, family.documentation))
        for sample in family.samples:
            into.samples[sample.name, tuple(sorted(sample.labels.items()))] = (
                sample.value
            )
    return found


class Sums:
    """The metrics of one server."""

    def __init__(self) -> None:
        self._last: dict[int, Families] = {}
        self._departed: Families = {}

    def of(self, texts: Iterable[tuple[int, str]], departed: Iterable[int] = ()) -> str:
        """Add up.

        Args:
            texts: Number of each process that could be asked, and its metrics. Of one
                that could not, the counters of the last time stand.
            departed: Numbers of those that have died since the last time. What they
                had counted is kept, their gauges are not.
        """
        for number in departed:
            for name, family in self._last.pop(number, {}).items():
                if family.kind != "gauge" or name.endswith(_CREATED):
                    _into(self._departed, name, family)
        asked = {number: families(text) for number, text in texts}
        missed = self._last.keys() - asked.keys()
        self._last |= asked
        sums: Families = {}
        for number, found in self._last.items():
            for name, family in found.items():
                if number not in missed or family.kind != "gauge":
                    _into(sums, name, family)
        for name, family in self._departed.items():
            _into(sums, name, family)
        return "".join(_written(name, family) for name, family in sums.items())


def _into(sums: Families, name: str, family: _Family) -> None:
    sums.setdefault(name, _Family(family.kind, family.text)).add(family)


def _written(name: str, family: _Family) -> str:
    text = family.text.replace("\\", r"\\").replace("\n", r"\n")
    kind = "untyped" if family.kind == "unknown" else family.kind
    lines = [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    for (sample, labels), value in family.samples.items():
        shown = ",".join(f'{label}="{_escaped(of)}"' for label, of in labels)
        lines.append(
            f"{sample}{{{shown}}} {value!r}" if shown else f"{sample} {value!r}"
        )
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
