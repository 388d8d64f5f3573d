"""The list of settings, and what is written from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from voiceserver.cli.reference import EXAMPLE
from voiceserver.config import Config
from voiceserver.config.parse import load, parse
from voiceserver.config.reference import attributes, document, example, tables

ROOT = Path(__file__).resolve().parent.parent.parent


def test_every_setting_says_what_it_means() -> None:
    """The docstrings of the tree are the reference."""
    for table in tables():
        assert table.meaning
        for setting in table.settings:
            assert setting.meaning, f"{table.heading} {setting.name}"


def test_a_setting_that_names_a_file_is_a_path() -> None:
    """So that it is relative to the configuration's folder, as the document says."""
    named = re.compile(r"(?:^|TOML |PEM )(?:File|file|Folder) of ")
    for table in tables():
        for setting in table.settings:
            is_path = named.search(setting.meaning) is not None
            assert (setting.kind == "path") == is_path, setting.name


@pytest.mark.parametrize("indent", ["", "    "])
def test_the_indent_of_a_docstring_does_not_matter(indent: str) -> None:
    """Python 3.13 takes it off."""
    lines = ("A table.", "", "Attributes:", "    host: Where", "        it is.", "")
    docstring = f"\n{indent}".join(lines)
    assert [*attributes(docstring)] == [("host", "Where it is.")]


def test_names_that_others_know_are_told() -> None:
    """A setting of text with a closed set of names is documented with them."""
    told = document({"engines.recogniser": ("small", "large")})
    assert '| `recogniser` | `"small"` or `"large"` |' in told


def test_the_example_is_the_defaults() -> None:
    """Every one of them."""
    assert load(ROOT / EXAMPLE) == Config()


def test_the_commented_tables_of_the_example_are_right_too() -> None:
    """With a value in place of the dots."""
    before, _, _ = example().partition("# [[router.rule]]")  # which has no defaults
    lines = [
        line.removeprefix("# ")
        .replace('["..."]', '["192.0.2.7"]')
        .replace('registrar = "..."', 'registrar = "pbx.example.org"')
        .replace('user = "..."', 'user = "100"')
        .replace('_env = "..."', '_env = "A_VARIABLE"')
        .replace('"..."', '"http://x"')
        for line in before.splitlines()
        if line.startswith("# [[") or '"..."' in line
    ]
    assert parse("\n".join(lines)).text.provider[0].name == "http://x"
