"""Questions whose answers can be checked: what a calibration learns from. Pure.

One a line: ``question | accepted ; accepted``. An answer is right where one of those
stands in it, as words.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from voiceserver.errors import ConfigError
from voiceserver.routing.words import words_of_turn

MOST = 5000  # questions


@dataclass(frozen=True, slots=True)
class Checkable:
    """A question and its answers.

    Attributes:
        question: To be asked.
        accepted: Of which one must be said.
    """

    question: str
    accepted: tuple[str, ...]

    def answered_by(self, text: str) -> bool:
        """Whether what is said has an accepted answer in it."""
        said = f" {' '.join(_words(text))} "
        return any(f" {' '.join(_words(each))} " in said for each in self.accepted)


def read(text: str, source: str) -> tuple[Checkable, ...]:
    """Read a file of questions.

    Raises:
        ConfigError: If a line is none, or there are none; names file and line.
    """
    found: list[Checkable] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        question, bar, answers = line.partition("|")
        accepted = tuple(each.strip() for each in answers.split(";") if each.strip())
        usable = bool(accepted) and all(_words(each) for each in accepted)
        if not (question.strip() and bar and usable):
            raise ConfigError(
                f"{source}, line {number}: write question | answer ; another answer"
            )
        found.append(Checkable(question.strip(), accepted))
    if not 0 < len(found) <= MOST:
        raise ConfigError(f"{source}: has {len(found)} questions, not 1..{MOST}")
    return tuple(found)


def _words(text: str) -> tuple[str, ...]:
    """Words, with figures written alike: "86,400" and "86400", "9.9" as one.

    And without accents: "Brasília" is "Brasilia".
    """
    plain = unicodedata.normalize("NFKD", text)
    text = "".join(each for each in plain if not unicodedata.combining(each))
    return words_of_turn(
        "".join(
            each
            for at, each in enumerate(text.replace("-", " "))
            if not (each == "," and text[at + 1 : at + 4].isdigit())
        ).replace(".", " point ")
    )
