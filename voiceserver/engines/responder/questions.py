"""Questions with fixed answers: the operator's own, read strictly from TOML.

An answer may hold placeholders, filled when it is given. Finding the question that
was meant is ``matching``'s work.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from voiceserver.engines.responder import moments
from voiceserver.engines.responder.words import normal
from voiceserver.errors import ConfigError

MAX_FILE_BYTES = 1_000_000
MAX_QUESTIONS = 1000
MAX_ASK_WORDS = 20
MAX_ANSWER = 1000  # characters: about a minute of speech

_KEYS = ("ask", "answer")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PLAIN = frozenset({"time", "date", "day", "year", "part_of_day", "name"})
_HELP = "{time}, {date}, {day}, {year}, {part_of_day}, {name} or {age:YYYY-MM-DD}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question in all its wordings, and its answer.

    Attributes:
        ask: Ways to ask it, as written.
        answer: Text with placeholders.
        intent: What the ledger and tests call it.
    """

    ask: tuple[str, ...]
    answer: str
    intent: str = "operator"


def load(path: Path) -> tuple[Question, ...]:
    """Read the operator's questions.

    Args:
        path: A TOML file of ``[[question]]`` tables with ``ask`` (a list of wordings,
            or one) and ``answer``.

    Raises:
        ConfigError: If the file cannot be read or any part of it is not understood;
            names the file, the question by its number, and the key.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or 'cannot be read'}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from None
    return _read(path, document)


def _read(path: Path, document: Mapping[str, Any]) -> tuple[Question, ...]:
    for key in document:
        if key != "question":
            raise ConfigError(f"{path}: unknown key {key!r}; allowed: [[question]]")
    tables = document.get("question", [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise ConfigError(f"{path}: write each question as [[question]]")
    if len(tables) > MAX_QUESTIONS:
        raise ConfigError(f"{path}: more than {MAX_QUESTIONS} questions")
    questions = []
    seen: dict[tuple[str, ...], int] = {}
    for number, table in enumerate(tables, 1):
        question = _question(f"{path}: question {number}", table)
        for ask in question.ask:
            first = seen.setdefault(normal(ask), number)
            if first != number:
                raise ConfigError(
                    f"{path}: question {number}: ask: {ask!r} is asked in "
                    f"question {first} already"
                )
        questions.append(question)
    return tuple(questions)


def _question(where: str, table: Mapping[str, Any]) -> Question:
    for key in table:
        if key not in _KEYS:
            raise ConfigError(f"{where}: unknown key {key!r}; allowed: ask, answer")
    for key in _KEYS:
        if key not in table:
            raise ConfigError(f"{where}: {key} is missing")
    answer = table["answer"]
    if not isinstance(answer, str) or not answer.strip():
        raise ConfigError(f"{where}: answer must be text, and not empty")
    if len(answer) > MAX_ANSWER:
        raise ConfigError(f"{where}: answer is longer than {MAX_ANSWER} characters")
    _check_placeholders(where, answer)
    return Question(_wordings(where, table["ask"]), " ".join(answer.split()))


def _wordings(where: str, ask: object) -> tuple[str, ...]:
    wordings = [ask] if isinstance(ask, str) else ask
    if not isinstance(wordings, list) or not wordings:
        raise ConfigError(f"{where}: ask must be text or a list of texts")
    for wording in wordings:
        if not isinstance(wording, str) or not normal(wording):
            raise ConfigError(f"{where}: ask: {wording!r} has no words")
        if len(normal(wording)) > MAX_ASK_WORDS:
            raise ConfigError(f"{where}: ask: more than {MAX_ASK_WORDS} words")
    return tuple(wordings)


def _check_placeholders(where: str, answer: str) -> None:
    for name in _PLACEHOLDER.findall(answer):
        if name not in _PLAIN and _age_of(name) is None:
            raise ConfigError(
                f"{where}: answer: unknown placeholder {{{name}}}; allowed: {_HELP}"
            )
    if set("{}") & set(_PLACEHOLDER.sub("", answer)):
        raise ConfigError(f"{where}: answer: a brace is not closed or not opened")


def _age_of(name: str) -> date | None:
    kind, _, start = name.partition(":")
    if kind != "age":
        return None
    try:
        return date.fromisoformat(start)
    except ValueError:
        return None


def fill(answer: str, now: datetime, texts: Mapping[str, str]) -> str:
    """Fill the placeholders of an answer.

    Args:
        answer: Text with placeholders that were checked when it was loaded.
        now: The moment to speak of.
        texts: Values of the placeholders that are no times.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        start = _age_of(name)
        if start is not None:
            return str(moments.years_since(start, now.date()))
        match name:
            case "time":
                return moments.time_of_day(now)
            case "date":
                return moments.full_date(now.date())
            case "day":
                return moments.DAYS[now.weekday()]
            case "year":
                return str(now.year)
            case "part_of_day":
                return moments.part_of_day(now)
            case _:
                return texts[name]

    return _PLACEHOLDER.sub(value, answer)
