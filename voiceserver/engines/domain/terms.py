"""What a domain is made of: intents, the slots they need, the values of a slot.

Pure words, checked by ``file``; knows neither TOML nor conversations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

# A part in brackets is left out where one of its slots is empty.
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_NAME = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Slot:
    """Something that has to be known, or may be.

    Attributes:
        name: Lower-case letters, digits and underscores.
        ask: The question that asks for it.
        values: Value by the words that say it, e.g. ``("iced", "mocha")``.
        number: Least and greatest, where it is a number; else None.
    """

    name: str
    ask: str
    values: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    number: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """Something that a caller may ask for.

    Attributes:
        name: Told to the operator's service.
        slots: Their names, in the order in which they are asked for.
        required: Those without which it is not complete.
        start: Wordings that begin it without naming a slot, as words.
        summary: Template of what was understood.
        confirm: Template of the question before it is carried out; ``""`` asks none.
        done: Template of what is said when it was carried out.
        url: Where it is sent; ``""`` is nowhere.
        limit_s: The service's time to answer.
    """

    name: str
    slots: tuple[str, ...]
    required: tuple[str, ...]
    start: frozenset[tuple[str, ...]]
    summary: str
    confirm: str
    done: str
    url: str = ""
    limit_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Lines:
    """What is said in a domain whatever is asked for."""

    cancelled: str = "All right, I have cancelled that."
    change: str = "What would you like to change?"
    pardon: str = "Sorry, I did not get that."
    failed: str = "Sorry, that could not be placed. Shall I try again?"


@dataclass(frozen=True, slots=True)
class Domain:
    """All of it.

    Attributes:
        name: What it is called.
        slots: By name.
        intents: Earlier ones win.
        lines: What is said whatever is asked for.
        checksum: Of the file that it was read from.
    """

    name: str
    slots: Mapping[str, Slot]
    intents: tuple[Intent, ...]
    lines: Lines = Lines()
    checksum: str = ""

    def intent(self, name: str) -> Intent:
        """Return the intent of this name, which must be one."""
        return next(each for each in self.intents if each.name == name)


def names_in(template: str) -> list[str]:
    """Return the names that a template stands for, e.g. ``["size", "drink"]``."""
    return _NAME.findall(template)


def well_formed(template: str) -> bool:
    """Whether each bracket and brace of a template is closed and opened."""
    rest = _NAME.sub("", _OPTIONAL.sub(r"\1", template))
    return not set("{}[]") & set(rest)


def fill_in(template: str, values: Mapping[str, str]) -> str:
    """Write a template with its values; parts in brackets without one are left out."""

    def part(match: re.Match[str]) -> str:
        known = all(values.get(name) for name in names_in(match[1]))
        return match[1] if known else ""

    text = _OPTIONAL.sub(part, template)
    text = _NAME.sub(lambda match: values.get(match[1], ""), text)
    return " ".join(text.split())
