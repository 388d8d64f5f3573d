"""Makes the labelled requests of templates: ``python -m scripts.router.requests``.

    python -m scripts.router.requests --write    # writes labelled/requests.tsv anew

The same every time. What the labels mean is in ``labelled/GUIDE.md``.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "labelled"
TOPICS = ("medical", "selfharm", "legal", "money")
LABELS = ("simple", "complex")
PER_TEMPLATE = 20
KEPT_OUT = 4  # one template of so many is kept out of the training
_SLOT = re.compile(r"\{(\w+)\}")
# What people say before and after; most say nothing.
_BEFORE = ("", "", "", "", "um ", "so ", "hey ", "please ", "okay ", "quick question ")
_AFTER = ("", "", "", "", "", "", "", " please", " thanks", " can you do that")


@dataclass(frozen=True, slots=True)
class Request:
    """One labelled request.

    Attributes:
        source: Number of its template; of a hard one, of its line.
        complex: Its label.
        topics: Of ``TOPICS``.
        text: The request.
    """

    source: int
    complex: bool
    topics: tuple[str, ...]
    text: str


def lines_of(path: Path) -> list[tuple[int, str, tuple[str, ...], str]]:
    """Read ``label | topics | text`` lines with their numbers.

    Raises:
        ValueError: If a line is not one; names file and line.
    """
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split("|", 2)]
        if len(parts) != 3 or parts[0] not in LABELS or not parts[2]:
            raise ValueError(f"{path.name}, line {number}: not label | topics | text")
        topics = tuple(parts[1].split())
        if set(topics) - set(TOPICS):
            raise ValueError(f"{path.name}, line {number}: no such topic: {parts[1]}")
        found.append((number, parts[0], topics, parts[2]))
    return found


def slots() -> dict[str, list[str]]:
    """Read the values of slots."""
    found = {}
    for line in (FOLDER / "slots.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, values = line.partition("=")
            found[name.strip()] = [value.strip() for value in values.split("|")]
    return found


def made() -> list[Request]:
    """Make the requests of the templates."""
    values, requests = slots(), []
    for number, label, topics, template in lines_of(FOLDER / "templates.txt"):
        rng = random.Random(f"{number} {template}")
        texts = dict.fromkeys(_filled(template, values, rng) for _ in range(60))
        requests += [
            Request(number, label == "complex", topics, text)
            for text in [*texts][:PER_TEMPLATE]
        ]
    return requests


def hard() -> list[Request]:
    """The requests that were written one by one."""
    return [
        Request(number, label == "complex", topics, text)
        for number, label, topics, text in lines_of(FOLDER / "hard.txt")
    ]


def parted(requests: Sequence[Request]) -> tuple[list[Request], list[Request]]:
    """Part requests into those to train on and those kept out, by whole templates."""
    kept = {
        source
        for source in {request.source for request in requests}
        if random.Random(f"kept {source}").randrange(KEPT_OUT) == 0
    }
    train = [request for request in requests if request.source not in kept]
    return train, [request for request in requests if request.source in kept]


def _filled(
    template: str, values: Mapping[str, Sequence[str]], rng: random.Random
) -> str:
    said: set[str] = set()

    def value(match: re.Match[str]) -> str:
        choices = [each for each in values[match.group(1)] if each not in said]
        said.add(choice := rng.choice(choices))
        return choice

    return rng.choice(_BEFORE) + _SLOT.sub(value, template) + rng.choice(_AFTER)


def written(requests: Sequence[Request]) -> str:
    """As tab-separated lines."""
    return "".join(
        f"{each.source}\t{LABELS[each.complex]}\t{' '.join(each.topics)}\t{each.text}\n"
        for each in requests
    )


def main() -> None:
    """Make them; tell how many, or write them."""
    parser = argparse.ArgumentParser(description="Make the labelled requests.")
    parser.add_argument("--write", action="store_true")
    requests = made()
    if parser.parse_args().write:
        (FOLDER / "requests.tsv").write_text(written(requests), "utf-8")
    train, kept = parted(requests)
    print(f"{len(requests)} requests: {len(train)} to train on, {len(kept)} kept out")


if __name__ == "__main__":
    main()
