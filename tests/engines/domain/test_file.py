"""Domain files: what is taken, and how each mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from voiceserver.engines.domain import load
from voiceserver.errors import ConfigError

EXAMPLES = Path(__file__).parents[3] / "examples"
GOOD = """\
name = "taxi"

[[slot]]
name = "place"
ask = "Where to?"
values = ["[the] (airport | station)", { value = "harbour", say = ["port", "docks"] }]

[[slot]]
name = "people"
ask = "For how many?"
number = [1, 8]

[[intent]]
name = "ride"
slots = ["place", "people"]
required = ["place", "people"]
start = "i need a taxi"
summary = "a taxi to the {place} for {people}"
confirm = "That is {summary}. Right?"
done = "It is coming."
url = "https://example.test/rides"
"""


def read(tmp_path: Path, text: str) -> str:
    """Return the message about a file of this text, less its place."""
    path = tmp_path / "domain.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as failed:
        load(path)
    return str(failed.value).removeprefix(str(path))


def test_a_good_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "domain.toml"
    path.write_text(GOOD)
    domain = load(path)
    assert domain.slots["place"].values == {
        ("airport",): "airport",
        ("the", "airport"): "the airport",
        ("station",): "station",
        ("the", "station"): "the station",
        ("port",): "harbour",
        ("docks",): "harbour",
    }
    assert domain.slots["people"].number == (1, 8)
    assert domain.intents[0].start == {("i", "need", "a", "taxi")}


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.toml")))
def test_the_examples_are_read(path: Path) -> None:
    if "[[intent]]" in path.read_text():
        assert load(path).intents


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "taxi"', "", ": name: must be text, and not empty"),
        ('name = "taxi"', "name = 3", ": name: must be text, and not empty"),
        ('name = "taxi"', 'nam = "taxi"', ": unknown key 'nam'; allowed: "),
        ("number = [1, 8]", "number = [8, 1]", ":8: slot 2: number: must be [least"),
        ("number = [1, 8]", "", ":8: slot 2: values: give either values or number"),
        ('name = "people"', 'name = "place"', ":8: slot 2: name: there is a slot"),
        ('name = "people"', 'name = "How many"', ":8: slot 2: name: 'How many' is no"),
        ("(airport | station)", "(airport", ":3: slot 1: values: '[the] (airport' ')'"),
        ("(airport | station)", "airport)", "values: '[the] airport)' ')' closes noth"),
        ("(airport | station)", "((((((((((a))))))))))", "more than 8 brackets in one"),
        ("[the]", "(a|b|c)" * 9, "stands for more than 2000 wordings"),
        ('"docks"', '"airport"', "values: 'airport' means two things"),
        ('["port", "docks"]', '["?!"]', "values: '?!' has no words"),
        ('["port", "docks"]', "[1]", "values: 1 is no text"),
        (
            'slots = ["place", ',
            'slots = ["plaice", ',
            "slots: there is no slot 'plaice'",
        ),
        ('slots = ["place", ', "slots = [", "required: 'place' is not among its slots"),
        ("for {people}", "for {persons}", "summary: unknown {persons}; allowed: place"),
        (
            "for {people}",
            "for [{people}",
            "summary: a brace or a bracket is not closed",
        ),
        (
            'summary = "a taxi to the {place} for {people}"',
            "",
            "summary: is named, and",
        ),
        ("https://", "ftp://", "url: must begin with http:// or https://"),
        ("[[intent]]", "[intent]", ": write each intent as [[intent]]"),
        ("done = ", "dune = ", "unknown key 'dune'"),
        ('done = "It is coming."', "", "done: must be text, and not empty"),
        (GOOD, "name = 'x'", ": has no [[intent]]"),
        (GOOD, "name = ", ": is not TOML: "),
        ("number = [1, 8]", 'values = ["airport"]', "'airport' is place and people"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in GOOD
    assert message in read(tmp_path, GOOD.replace(old, new, 1))


def test_files_are_bounded(tmp_path: Path) -> None:
    slots = "\n".join(
        f'[[slot]]\nname = "s{n}"\nask = "?x"\nvalues = ["{"(a|b|c|d|e)" * 4}"]'
        for n in range(40)
    )
    assert "more than 20000 wordings" in read(tmp_path, f'name = "x"\n{slots}\n')
    assert "larger than" in read(tmp_path, "#" * 1_000_001)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "none.toml")
