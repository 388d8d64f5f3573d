"""Numbers as other countries write them, made American: 1.000,50 becomes 1,000.50.

The length stays, so that every character keeps its place; whatever reads numbers later
knows one way of writing them. What the separators mean is told by the groups between
them. Pure; knows nothing of words.
"""

from __future__ import annotations

import re

from voiceserver.voice.text.evidence import is_dialled, is_known_by_digit

# 1.234.567 and 1.234,5; not 1.234 alone, nor four groups as an internet address has.
_POINTS = re.compile(
    r"(?<![\w.,])(?P<whole>[1-9]\d{0,2}(?:\.\d{3}){1,5})(?:,(?P<part>\d{1,4}))?"
    r"(?![\w.]*\d|,\d)"
)
_MONEY_SIDE = re.compile(r"(?:[€₺₽]|\bR\$|\bEUR|\bkr\.?) ?$")
_MONEY_AFTER = re.compile(r" ?(?:[€₺₽]|EUR\b|kr\b|zł|euros?\b)")
# 1'000'000, 1_000_000 and 1 000 000
_SET_APART = re.compile(
    r"(?<![\w.,'])[1-9]\d{0,2}(?:(?P<sign>['_ ])\d{3})(?:(?P=sign)\d{3}){0,4}"
    r"(?:(?P<comma>,)\d{1,2})?(?![\w',-]|\.\d{3}\.|[_ ]\d)"
)
# 1,5 and 19,99: a comma before anything but three digits.
_COMMA = re.compile(
    r"(?<![\w.,/:-])(?<!\d, )(?P<whole>\d{1,6}),(?P<part>\d{1,2})(?![\d,/:]|\.\d"
    r"|[A-Za-z]\d)"
)
_LISTED = re.compile(r" ?(?:and|or|&) \d|, ?\d|[)\]]")
_ENUMERATES = re.compile(
    r"\b(?:(?:pages|pp\.|chapters|verses?|lines|numbers|items|days|steps|rows"
    r"|questions|columns|levels|rooms|ages|grades)) ?$",
    re.IGNORECASE,
)


def american(text: str) -> str:
    """The text with points before decimals and commas between thousands."""
    if "." in text or "," in text:
        text = _POINTS.sub(_points, text)
        text = _COMMA.sub(_comma, text)
    return _SET_APART.sub(_set_apart, text)


def _points(m: re.Match[str]) -> str:
    whole, part = m["whole"], m["part"]
    groups = whole.split(".")
    if part is None and len(groups) == 2:
        money = _MONEY_SIDE.search(m.string[max(0, m.start() - 6) : m.start()])
        if not (money or _MONEY_AFTER.match(m.string, m.end())):
            return m.group()
    is_address = len(groups) == 4 and all(int(group) < 256 for group in groups)
    if is_address and part is None:
        return m.group()
    swapped = whole.replace(".", ",")
    return f"{swapped}.{part}" if part else swapped


def _comma(m: re.Match[str]) -> str:
    lead = m.string[max(0, m.start() - 12) : m.start()]
    after = _LISTED.match(m.string, m.end())
    in_brackets = lead[-1:] in ("(", "[") and lead
    closed = after is not None and after.group() in (")", "]")
    listed = in_brackets if closed else after is not None
    if listed or _ENUMERATES.search(lead):
        return m.group()
    return f"{m['whole']}.{m['part']}"


def _set_apart(m: re.Match[str]) -> str:
    text = m.group()
    groups = text.split(",")[0].split(m["sign"])
    lead = m.string[max(0, m.start() - 40) : m.start()]
    if m["sign"] == " " and (is_known_by_digit(lead) or is_dialled(lead)):
        return text
    # Two groups side by side may be two numbers.
    if m["sign"] == " " and len(groups) < 3 and not groups[-1].startswith("0"):
        return text
    if m["comma"]:
        text = text.replace(",", ".")
    return text.replace(m["sign"], ",")
