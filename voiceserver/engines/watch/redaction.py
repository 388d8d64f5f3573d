"""Takes out of a text what tells who somebody is, before another model gets it. Pure.

Numbers that may be a telephone's, a card's or an account's, addresses of mail and web,
and names after "my name is". It errs towards taking out; what is left may still be
personal, so an operator decides whether anything is sent at all.
"""

from __future__ import annotations

import re

_WORDS = (
    "zero|oh|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|double"
    "|triple"
)
_PATTERNS = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[mail]"),
    (re.compile(r"\bhttps?://\S+|\bwww\.\S+", re.IGNORECASE), "[link]"),
    # Five digits and more, also in groups: a year and a price stay.
    (re.compile(r"\+?\d(?:[\s().-]{0,2}\d){4,}"), "[number]"),
    (
        re.compile(rf"\b(?:{_WORDS})(?:[\s,-]+(?:{_WORDS})){{4,}}\b", re.IGNORECASE),
        "[number]",
    ),
    (
        re.compile(
            r"(\b(?:my name is|my name's|this is|i am called|call me)\s+)"
            r"[A-Z][\w'-]*(?:\s+[A-Z][\w'-]*)*",
        ),
        r"\1[name]",
    ),
    (
        re.compile(r"(\b[Mm]y name(?: is|'s)\s+)[a-z][\w'-]*(?:\s+[a-z][\w'-]*)?"),
        r"\1[name]",
    ),
    (re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Miss)\.?\s+[A-Z][\w'-]+"), "[name]"),
    (
        re.compile(
            r"\b\d{1,5}\s+(?:[A-Z][\w'-]*\s+){1,3}"
            r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Square|Court)\b\.?"
        ),
        "[address]",
    ),
)


def redacted(text: str) -> str:
    """The text without what tells who somebody is."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text
