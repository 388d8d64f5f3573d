"""Keeps halves of characters, and controls, from leaving the server; pure.

A character beyond the first 65,536 is written in JSON as two escapes, which services
cut between two chunks, or send alone. Half a character cannot be encoded: it would
break whoever it is passed on to.
"""

from __future__ import annotations

import re

_LEADS = ("\ud800", "\udbff")
_HALF = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\0-\x08\x0b-\x0c\x0e-\x1f\x7f]")  # all but white space


def without_halves(text: str) -> str:
    """Return the text with its halves joined where they match, else left out."""
    if not _HALF.search(text):
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return _HALF.sub("", joined)


class Halves:
    """Joins halves of characters across chunks; one object per text."""

    def __init__(self) -> None:
        self._lead = ""

    def push(self, text: str) -> str:
        """Add text; return it without halves and controls.

        A half at the end waits for its other.
        """
        if not text:
            return ""
        text, self._lead = self._lead + text, ""
        if _LEADS[0] <= text[-1] <= _LEADS[1]:
            text, self._lead = text[:-1], text[-1]
        return _CONTROL.sub("", without_halves(text))
