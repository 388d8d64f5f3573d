"""Our reading of numbers beside that of text normalisers of the field.

    python -m benchmarks.text_normaliser --python NORM/bin/python [--count N] [--seed N]

``NORM`` is an environment of its own that has ``nemo_text_processing`` and
``num2words`` (``python -m venv NORM; NORM/bin/pip install nemo_text_processing
num2words``); nothing of them is ever installed beside the server. From a seed, inputs
of each kind are made; both sides read them; readings that differ in more than "and",
hyphens and capitals are grouped by how they differ. A difference is no fault: each way
of differing is looked at, and what was judged is in ``tests/voice/text/compared.tsv``.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from voiceserver.voice.text.normalise import MARKS, normalise

Make = Callable[[random.Random], str]
_MONTHS = (
    "January February March April May June July August September October November"
    " December"
).split()
_UNITS = "km kg cm mm mph lbs oz ft GB MB kHz MHz kW mg ml °C °F % km/h m²".split()

# Runs in the other environment: texts as JSON on its standard input, readings out.
_THEIRS = """
import json, logging, sys
logging.disable(logging.CRITICAL)
texts = json.load(sys.stdin)
from nemo_text_processing.text_normalization.normalize import Normalizer
normalizer = Normalizer(input_case="cased", lang="en", cache_dir=sys.argv[1])
out = [normalizer.normalize(t, punct_post_process=False) for t in texts]
print("\\n" + json.dumps(out))
"""
_NUMBERS = """
import json, sys
from num2words import num2words
out = [num2words(n, to=to) for n, to in json.load(sys.stdin)]
print("\\n" + json.dumps(out))
"""


def _cents(rng: random.Random) -> str:
    whole = rng.choice([0, 1, rng.randrange(100), rng.randrange(100_000)])
    return f"{rng.choice('$£€')}{whole:,}.{rng.randrange(100):02d}"


def _large(rng: random.Random) -> str:
    size = rng.choice(["thousand", "million", "billion", "M", "B", "K"])
    space = "" if size in "MBK" else " "
    return f"${rng.randrange(1, 999)}{rng.choice(['', '.5', '.25'])}{space}{size}"


def _date(rng: random.Random) -> str:
    y, m, d = rng.randrange(1800, 2100), rng.randrange(1, 13), rng.randrange(1, 29)
    return rng.choice(
        [
            f"{_MONTHS[m - 1]} {d}, {y}",
            f"{d} {_MONTHS[m - 1]} {y}",
            f"{m}/{d}/{y}",
            f"{y}-{m:02d}-{d:02d}",
            f"{_MONTHS[m - 1][:3]}. {d}, {y}",
            f"{_MONTHS[m - 1]} {y}",
        ]
    )


def _time(rng: random.Random) -> str:
    h, m = rng.randrange(1, 13), rng.randrange(60)
    half = rng.choice(["am", "pm", "a.m.", "p.m.", "AM", "PM"])
    return rng.choice(
        [f"{h}:{m:02d} {half}", f"{h}{half}", f"{h}:{m:02d}{half}", f"{h}:{m:02d}"]
    )


def _phone(rng: random.Random) -> str:
    a, b, c = rng.randrange(201, 990), rng.randrange(200, 999), rng.randrange(10_000)
    return rng.choice([f"{a}-{b}-{c:04d}", f"({a}) {b}-{c:04d}", f"1-{a}-{b}-{c:04d}"])


def _measure(rng: random.Random) -> str:
    number = rng.choice(["1", "0.5", str(rng.randrange(2, 5000)), "2.75", "12,500"])
    return f"{number}{rng.choice(['', ' '])}{rng.choice(_UNITS)}"


def _serial(rng: random.Random) -> str:
    letters = "".join(rng.choices("BCDFGHKMPRTX", k=rng.randrange(1, 4)))
    hyphen, number = rng.choice(["", "-"]), rng.randrange(1, 1000)
    return f"{letters}{hyphen}{number}"


def _range(rng: random.Random) -> str:
    first = rng.randrange(1, 90)
    return f"{first}-{first + rng.randrange(1, 60)}{rng.choice(['', '%', ' km'])}"


def _roman(rng: random.Random) -> str:
    numeral = rng.choice("II III IV V VI VII VIII IX X XI XII XIV XV".split())
    lead = rng.choice("Chapter Henry Louis Part Act Rocky Section Pope".split())
    return f"{lead} {'Pius ' if lead == 'Pope' else ''}{numeral}"


KINDS: dict[str, Make] = {
    "cardinal": lambda rng: f"{rng.randrange(10 ** rng.randrange(1, 13)):,}",
    "number": lambda rng: f"{rng.randrange(10 ** rng.randrange(1, 7))} cats",
    "decimal": lambda rng: f"{rng.randrange(2000)}.{rng.randrange(1000)}",
    "ordinal": lambda rng: _with_ending(rng.randrange(1, 10 ** rng.randrange(1, 5))),
    "money": _cents,
    "large money": _large,
    "date": _date,
    "time": _time,
    "telephone": _phone,
    "measure": _measure,
    "fraction": lambda rng: (
        f"{rng.choice(['', '2 ', '15 '])}{rng.randrange(1, 12)}/{rng.randrange(2, 21)}"
    ),
    "serial": _serial,
    "range": _range,
    "roman": _roman,
    "decade": lambda rng: f"the {rng.randrange(180, 203)}0s",
    "address": lambda rng: (
        f"{rng.randrange(1, 9999)} {rng.choice(['Main', 'Oak', 'Elm'])}"
        f" {rng.choice(['St', 'Ave', 'Rd', 'Dr', 'Blvd', 'Ln'])}."
    ),
    "web": lambda rng: (
        f"{rng.choice(['info', 'jo.b', 'x_1'])}@{rng.choice(['acme', 'mail'])}"
        f".{rng.choice(['com', 'org', 'io', 'co.uk'])}"
    ),
}


def _with_ending(n: int) -> str:
    teen = n // 10 % 10 == 1
    return f"{n}" + ("th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th"))


def plain(reading: str) -> str:
    """A reading as both sides would write it: letters apart, no marks, no "and"."""
    reading = re.sub(r"\b[A-Z]{2,4}s?\b", lambda m: " ".join(m.group()), reading)
    reading = reading.lower().replace("-", " ").replace(".", " ")
    words = re.findall(r"[a-z']+", reading)
    return " ".join("oh" if w == "o" else w for w in words if w != "and")


def ours(text: str) -> str:
    """What our normaliser reads, comparable."""
    return plain(
        " ".join(t.text for t in normalise(text).tokens if t.text not in MARKS)
    )


def difference(one: str, other: str) -> str:
    """How two readings differ: the words that only one of them has."""
    a, b = collections.Counter(one.split()), collections.Counter(other.split())
    only = [" ".join(sorted(x - y)) for x, y in ((a, b), (b, a))]
    return f"ours [{only[0]}] theirs [{only[1]}]"


def _asked(python: str, program: str, what: object, *words: str) -> list[str]:
    done = subprocess.run(
        [python, "-c", program, *words],
        input=json.dumps(what),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    readings: list[str] = json.loads(done.stdout.splitlines()[-1])
    return readings


def compare_numbers(python: str, count: int, rng: random.Random) -> int:
    """Cardinals, ordinals and years beside num2words; returns how many differ."""
    asked = [
        (rng.randrange(10 ** rng.randrange(1, 16)), "cardinal") for _ in range(count)
    ]
    asked += [(rng.randrange(1, 10**6), "ordinal") for _ in range(count)]
    asked += [(rng.randrange(1100, 2100), "year") for _ in range(count)]
    texts: dict[str, Callable[[int], str]] = {
        "cardinal": lambda n: f"{n:,} cats",
        "ordinal": _with_ending,
        "year": lambda n: f"in {n}",
    }
    n_different = 0
    for (n, to), theirs in zip(asked, _asked(python, _NUMBERS, asked), strict=True):
        said = ours(texts[to](n)).removeprefix("in ").removesuffix(" cats")
        if said != plain(theirs):
            n_different += 1
            if n_different <= 20:
                print(f"num2words {to:9} {n}: ours {said!r}, theirs {plain(theirs)!r}")
    print(f"num2words: {n_different} of {len(asked)} differ")
    return n_different


def compare_kinds(python: str, cache: str, count: int, rng: random.Random) -> None:
    """All kinds beside nemo_text_processing, differences grouped."""
    made = [(kind, make(rng)) for kind, make in KINDS.items() for _ in range(count)]
    made = list(dict.fromkeys(made))
    theirs = _asked(python, _THEIRS, [text for _, text in made], cache)
    for kind in KINDS:
        pairs = [(t, r) for (k, t), r in zip(made, theirs, strict=True) if k == kind]
        groups: dict[str, list[tuple[str, str, str]]] = collections.defaultdict(list)
        for text, reading in pairs:
            one, other = ours(text), plain(reading)
            if one != other:
                groups[difference(one, other)].append((text, one, other))
        n_different = sum(map(len, groups.values()))
        print(f"\n{kind}: {n_different} of {len(pairs)} differ, {len(groups)} ways")
        for way, examples in sorted(groups.items(), key=lambda g: -len(g[1]))[:12]:
            text, one, other = examples[0]
            print(f"  {len(examples):4} {way}\n       {text}: {one} / {other}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="of the other environment")
    parser.add_argument("--count", type=int, default=300, help="inputs of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cache", default="", help="folder for compiled grammars")
    words = parser.parse_args()
    cache = words.cache or str(Path(words.python).parent.parent / "grammars")
    compare_numbers(words.python, words.count * 10, random.Random(words.seed))
    compare_kinds(words.python, cache, words.count, random.Random(words.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
