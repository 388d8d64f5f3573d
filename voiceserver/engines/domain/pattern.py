"""Patterns of wordings: ``[some | a bit of] (almond | soy) milk``.

Brackets hold what may be left out, parentheses what must be chosen, strokes divide
the choices; as in JSGF, without its references and repetitions: every pattern stands
for a finite list of wordings, and one that stands for too many is refused. Pure.
"""

from __future__ import annotations

import re

from voiceserver.engines.words import words_of

MAX_WORDINGS = 2000  # of one pattern
MAX_DEPTH = 8

Wording = tuple[str, ...]

_TOKEN = re.compile(r"[()\[\]|]|[^()\[\]|]+")
_CLOSES = {"(": ")", "[": "]"}


class BadPattern(ValueError):
    """A pattern cannot be read; its text says why."""


def wordings(pattern: str) -> list[Wording]:
    """Return what a pattern stands for, as words, without repetitions.

    Raises:
        BadPattern: If it is not closed, stands for nothing, or for too much.
    """
    tokens = _TOKEN.findall(pattern)
    found, rest = _choices(tokens, "", 0)
    assert not rest  # a closing mark too many was refused
    said = [wording for wording in dict.fromkeys(found) if wording]
    if not said:
        raise BadPattern("has no words")
    return said


def _choices(
    tokens: list[str], end: str, depth: int
) -> tuple[list[Wording], list[str]]:
    """Read alternatives up to ``end``; returns them and what follows."""
    if depth > MAX_DEPTH:
        raise BadPattern(f"more than {MAX_DEPTH} brackets in one another")
    choices: list[Wording] = []
    sequence: list[Wording] = [()]
    while tokens:
        token, *tokens = tokens
        if token == "|":
            choices, sequence = [*choices, *sequence], [()]
        elif token in ")]":
            if token != end:
                raise BadPattern(f"{token!r} closes nothing")
            return [*choices, *sequence], tokens
        elif token in _CLOSES:
            inner, tokens = _choices(tokens, _CLOSES[token], depth + 1)
            sequence = _joined(sequence, [(), *inner] if token == "[" else inner)
        else:
            sequence = _joined(sequence, [tuple(words_of(token).split())])
        if len(choices) + len(sequence) > MAX_WORDINGS:
            raise BadPattern(f"stands for more than {MAX_WORDINGS} wordings")
    if end:
        raise BadPattern(f"{end!r} is missing")
    return [*choices, *sequence], []


def _joined(heads: list[Wording], tails: list[Wording]) -> list[Wording]:
    if len(heads) * len(tails) > MAX_WORDINGS:
        raise BadPattern(f"stands for more than {MAX_WORDINGS} wordings")
    return [head + tail for head in heads for tail in tails]
