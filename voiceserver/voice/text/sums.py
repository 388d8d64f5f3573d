# ruff: noqa: RUF001 (the multiplication sign is meant)
"""Arithmetic in words: sums, powers, comparisons and the exponents of science.

A hyphen is a minus here and a range elsewhere, so a sum is only what shows that it is
one: an equals sign beside it, or an operator that means nothing else. Each rule takes a
match and gives words, or None. Knows nothing of the order in which rules are tried.
"""

from __future__ import annotations

import re

from voiceserver.voice.text.addresses import Rule, Spoken, spell
from voiceserver.voice.text.numbers import cardinal, decimal, fraction, ordinal

_OPERATORS = {
    "+": ["plus"],
    "-": ["minus"],
    "*": ["times"],
    "×": ["times"],
    "x": ["times"],
    "/": ["divided", "by"],
    "÷": ["divided", "by"],
}
_OPERAND = r"\d{1,3}(?:,\d{3}){1,5}(?:\.\d{1,15})?(?![\d,])|\d{1,18}(?:\.\d{1,15})?"
# A fraction such as 1/4 is one operand: its stroke has no spaces and it is below one.
_PART = re.compile(rf"(?P<number>{_OPERAND})|(?P<operator>[-+*/×÷x])")
_RESULT = ("= ", "≈ ")
_EQUALS = re.compile(r" ?[=≈≠](?!\w)|=\d")


def _sum(m: re.Match[str]) -> Spoken | None:
    text = m.group()
    is_result = " " in text and m.string[max(0, m.start() - 2) : m.start()] in _RESULT
    is_plain = any(c in text for c in "+*×÷") and not any(c in text for c in "x/")
    if not (is_plain or is_result or _EQUALS.match(m.string, m.end())):
        return None
    words: Spoken = ["minus"] if text.startswith("-") else []
    parts = list(_PART.finditer(text, len(words)))
    at = 0
    while at < len(parts):
        quotient = _quotient(parts[at : at + 3], text)
        if quotient:
            words += quotient
            at += 3
            continue
        number, operator = parts[at].group("number", "operator")
        words += _OPERATORS[operator] if operator else decimal(number)
        at += 1
    return words


def _quotient(parts: list[re.Match[str]], text: str) -> Spoken:
    """A fraction below one at the head of the parts, in words; else nothing."""
    written = text[parts[0].start() : parts[-1].end()]
    m = re.fullmatch(r"(\d{1,3})/(\d{1,4})", written)
    if m is None or not 0 < int(m[1]) < int(m[2]):
        return []
    return fraction(int(m[1]), int(m[2]))


def _power(m: re.Match[str]) -> Spoken | None:
    power = m["power"]
    if power in ("2", "3"):
        return ["squared" if power == "2" else "cubed"]
    if power.isalpha():
        return ["to", "the", *spell(power)]
    return ["to", "the", *_exponent(int(power))]


def _exponent(n: int) -> Spoken:
    return cardinal(n) if n < 0 else ordinal(n)


def _scientific(m: re.Match[str]) -> Spoken | None:
    number = ["minus"] if m["minus"] else []
    number += decimal(m["number"])
    return [*number, "times", "ten", "to", "the", *_exponent(int(m["power"]))]


_OF_A_POWER = re.compile(r"(?:[²³]|\^\d|(?<![\w'.-])\d{0,6}[xyzn]) ?$")


def _minus(m: re.Match[str]) -> Spoken | None:
    """A hyphen behind a power or an unknown: n² - 1."""
    lead = m.string[max(0, m.start() - 10) : m.start()]
    spaced = lead[-1:] == " " and m.group()[-1] == " "
    between = spaced and m.string[m.end() : m.end() + 1].isalpha()
    if between and re.search(r"(?<![\w'.-])[a-z] $", lead):
        return ["minus"]
    if m.string[m.end() : m.end() + 1].isalpha() and not spaced:
        return None
    return ["minus"] if _OF_A_POWER.search(lead) else None


def _over(m: re.Match[str]) -> Spoken | None:
    """A stroke between an unknown and a number: 3x/2."""
    return (
        ["over"]
        if _UNKNOWN.search(m.string, max(0, m.start() - 10), m.start())
        else None
    )


_UNKNOWN = re.compile(r"(?<![\w'.-])\d{0,6}[xyzn]$")

SUM_PATTERNS: tuple[tuple[str, Rule], ...] = (
    (
        rf"(?:(?<![\w.)-])-)?(?:{_OPERAND})(?: ?[-+*/×÷x] ?(?:{_OPERAND})){{1,20}}"
        r"(?![\w²³^/%°]|\.\d|-\d)",
        _sum,
    ),
    (
        r"(?P<minus>(?<![\w.)])-)?(?P<number>\d{1,9}(?:\.\d{1,15})?)"
        r"[eE](?P<power>[-+]?\d{1,3})(?!\w)",
        _scientific,
    ),
    (r"\^\{?(?P<power>-?\d{1,9}|[A-Za-z])\}?(?!\w)", _power),
    (r"- ?(?=\d|[a-z](?:[²³]|(?![\w'-])))", _minus),
    (r"/(?=\d)", _over),
    (r"!==?|=/=", lambda _: ["is", "not"]),
    (r">=", lambda _: ["at", "least"]),
    (r"<=", lambda _: ["at", "most"]),
    (r"={2,3}(?!=)", lambda _: ["equals"]),
    (r"[-=]>", lambda _: ["to"]),
    (r"(?<=[\w)] )<(?= [\w(])", lambda _: ["less", "than"]),
    (r"(?<=[\w)] )>(?= [\w(])", lambda _: ["greater", "than"]),
)
