"""Reads a domain file, strictly: every mistake is told with file, line and field.

What the parts mean is in ``terms``, how wordings are written in ``pattern``; see
``docs/kiosk.md``.
"""

from __future__ import annotations

import re
import tomllib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from voiceserver.engines.domain.pattern import BadPattern, wordings
from voiceserver.engines.domain.terms import (
    Domain,
    Intent,
    Lines,
    Slot,
    names_in,
    well_formed,
)
from voiceserver.errors import ConfigError

MAX_FILE_BYTES = 1_000_000
MAX_WORDINGS = 20_000  # of all slots
MAX_TEXT = 1000  # characters of a line: about a minute of speech

_TOP = ("name", "slot", "intent", "lines")
_SLOT = ("name", "ask", "values", "number")
_INTENT = (
    "name",
    "slots",
    "required",
    "start",
    "summary",
    "confirm",
    "done",
    "url",
    "limit_s",
)
_VALUE = ("value", "say")
_LINES = ("cancelled", "change", "pardon", "failed")
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_URL = re.compile(r"https?://[^\s/?#]+[^\s]*")


def load(path: Path) -> Domain:
    """Read a domain.

    Raises:
        ConfigError: If the file cannot be read or any part of it is not understood;
            names the file, the line where it is known, and the field.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
        text = path.read_text(encoding="utf-8-sig")
        document = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or 'cannot be read'}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from None
    return _Reader(path, text).domain(document)


class _Reader:
    """Reads the parts of one file; knows on which lines its tables begin."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()
        self._checksum = f"{zlib.crc32(text.encode()):08x}"
        self._n_wordings = 0

    def domain(self, document: Mapping[str, Any]) -> Domain:
        self._known(document, _TOP, f"{self._path}")
        name = self._text(document, "name", f"{self._path}")
        slots: dict[str, Slot] = {}
        for where, table in self._tables(document, "slot"):
            slot = self._slot(where, table)
            if slot.name in slots:
                _fail(where, "name", f"there is a slot {slot.name!r} already")
            slots[slot.name] = slot
        intents: dict[str, Intent] = {}
        for where, table in self._tables(document, "intent"):
            intent = self._intent(where, table, slots)
            if intent.name in intents:
                _fail(where, "name", f"there is an intent {intent.name!r} already")
            intents[intent.name] = intent
        if not intents:
            raise ConfigError(f"{self._path}: has no [[intent]]")
        lines = self._spoken_lines(document.get("lines", {}))
        return Domain(name, slots, tuple(intents.values()), lines, self._checksum)

    def _tables(
        self, document: Mapping[str, Any], kind: str
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        tables = document.get(kind, [])
        if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
            raise ConfigError(f"{self._path}: write each {kind} as [[{kind}]]")
        header = re.compile(rf"\s*\[\[\s*{kind}\s*\]\]")
        at = [n for n, line in enumerate(self._lines, 1) if header.match(line)]
        for number, table in enumerate(tables):
            line = f":{at[number]}" if len(at) == len(tables) else ""
            yield f"{self._path}{line}: {kind} {number + 1}", table

    def _known(self, table: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
        for key in table:
            if key not in keys:
                raise ConfigError(
                    f"{where}: unknown key {key!r}; allowed: {', '.join(keys)}"
                )

    def _text(self, table: Mapping[str, Any], key: str, where: str) -> str:
        value = table.get(key)
        if not isinstance(value, str) or not value.strip():
            _fail(where, key, "must be text, and not empty")
        if len(value) > MAX_TEXT:
            _fail(where, key, f"is longer than {MAX_TEXT} characters")
        return " ".join(value.split())

    def _slot(self, where: str, table: Mapping[str, Any]) -> Slot:
        self._known(table, _SLOT, where)
        name = self._name(table, where)
        ask = self._text(table, "ask", where)
        if ("values" in table) == ("number" in table):
            _fail(where, "values", "give either values or number")
        if "number" in table:
            return Slot(name, ask, number=_range(where, table["number"]))
        return Slot(name, ask, self._values(where, table["values"]))

    def _name(self, table: Mapping[str, Any], where: str) -> str:
        name = self._text(table, "name", where)
        if not _NAME.fullmatch(name) or name == "summary":
            _fail(where, "name", f"{name!r} is no name: letters a-z, digits, _")
        return name

    def _values(self, where: str, values: object) -> dict[tuple[str, ...], str]:
        if not isinstance(values, list) or not values:
            _fail(where, "values", "must be a list, and not empty")
        said: dict[tuple[str, ...], str] = {}
        for each in values:
            for wording, value in self._value(where, each):
                if said.setdefault(wording, value) != value:
                    words = " ".join(wording)
                    _fail(where, "values", f"{words!r} means two things")
        return said

    def _value(
        self, where: str, given: object
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        """A pattern, each of whose wordings is a value, or a value and its wordings."""
        if isinstance(given, str):
            for wording in self._wordings(where, "values", [given]):
                yield wording, " ".join(wording)
        elif isinstance(given, dict):
            self._known(given, _VALUE, f"{where}: values")
            value = self._text(given, "value", f"{where}: values")
            for wording in self._wordings(where, "values", given.get("say", value)):
                yield wording, value
        else:
            _fail(where, "values", f"{given!r} is neither text nor a table")

    def _wordings(self, where: str, key: str, said: object) -> list[tuple[str, ...]]:
        patterns = [said] if isinstance(said, str) else said
        if not isinstance(patterns, list):
            _fail(where, key, "must be text or a list of texts")
        found: list[tuple[str, ...]] = []
        for pattern in patterns:
            if not isinstance(pattern, str):
                _fail(where, key, f"{pattern!r} is no text")
            try:
                found += wordings(pattern[:MAX_TEXT])
            except BadPattern as error:
                _fail(where, key, f"{pattern!r} {error}")
        self._n_wordings += len(found)
        if self._n_wordings > MAX_WORDINGS:
            _fail(where, key, f"more than {MAX_WORDINGS} wordings in this file")
        return found

    def _intent(
        self, where: str, table: Mapping[str, Any], slots: Mapping[str, Slot]
    ) -> Intent:
        self._known(table, _INTENT, where)
        wanted = _names(where, "slots", table.get("slots", []), slots)
        required = _names(where, "required", table.get("required", []), slots)
        if missing := [name for name in required if name not in wanted]:
            _fail(where, "required", f"{missing[0]!r} is not among its slots")
        start = self._wordings(where, "start", table.get("start", []))
        if not start and not required:
            _fail(where, "start", "nothing can begin it: give start or required")
        _contradictions(where, [slots[name] for name in wanted])
        intent = Intent(
            self._name(table, where),
            wanted,
            required,
            frozenset(start),
            self._template(table, "summary", where, wanted),
            self._template(table, "confirm", where, (*wanted, "summary")),
            self._template(table, "done", where, (*wanted, "summary"), needed=True),
            _url(where, table.get("url", "")),
            _seconds(where, table.get("limit_s", 2.0)),
        )
        if "summary" in names_in(intent.confirm + intent.done) and not intent.summary:
            _fail(where, "summary", "is named, and missing")
        return intent

    def _template(
        self,
        table: Mapping[str, Any],
        key: str,
        where: str,
        names: Sequence[str],
        *,
        needed: bool = False,
    ) -> str:
        if key not in table and not needed:
            return ""
        template = self._text(table, key, where)
        if not well_formed(template):
            _fail(where, key, "a brace or a bracket is not closed or not opened")
        for name in names_in(template):
            if name not in names:
                allowed = ", ".join(names)
                _fail(where, key, f"unknown {{{name}}}; allowed: {allowed}")
        return template

    def _spoken_lines(self, table: object) -> Lines:
        where = f"{self._path}: lines"
        if not isinstance(table, dict):
            raise ConfigError(f"{where}: must be a table, [lines]")
        self._known(table, _LINES, where)
        return Lines(**{key: self._text(table, key, where) for key in table})


def _fail(where: str, key: str, why: str) -> NoReturn:
    raise ConfigError(f"{where}: {key}: {why}")


def _range(where: str, given: object) -> tuple[int, int]:
    match given:
        case [int(least), int(most)] if 0 <= least <= most <= 10**9:
            return least, most
    _fail(where, "number", "must be [least, most], whole numbers from 0")


def _names(
    where: str, key: str, given: object, slots: Mapping[str, Slot]
) -> tuple[str, ...]:
    if not isinstance(given, list):
        _fail(where, key, "must be a list of names of slots")
    for name in given:
        if name not in slots:
            _fail(where, key, f"there is no slot {name!r}")
    if len(set(given)) != len(given):
        _fail(where, key, "a slot is named twice")
    return tuple(given)


def _contradictions(where: str, slots: Sequence[Slot]) -> None:
    """Refuse wordings that would fill two slots of one intent."""
    owner: dict[tuple[str, ...], str] = {}
    for slot in slots:
        for wording in slot.values:
            if owner.setdefault(wording, slot.name) != slot.name:
                words, other = " ".join(wording), owner[wording]
                _fail(where, "slots", f"{words!r} is {other} and {slot.name}")


def _url(where: str, given: object) -> str:
    if given == "":
        return ""
    if not isinstance(given, str) or not _URL.fullmatch(given):
        _fail(where, "url", "must begin with http:// or https://")
    return given


def _seconds(where: str, given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        _fail(where, "limit_s", "must be a number of seconds")
    if not 0.1 <= given <= 30:
        _fail(where, "limit_s", "must be 0.1..30 seconds")
    return float(given)
