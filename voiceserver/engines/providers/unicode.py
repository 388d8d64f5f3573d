"""Keeps halves of characters, as JSON can carry them, from leaving the server; pure.

A character beyond the first 65,536 is written in JSON as two escapes, which services
cut between two chunks, or send alone. Half a character cannot be encoded: it would
break whoever it is passed on to.
"""

from __future__ import annotations

import re

_HALF = re.compile("[\ud800-\udfff]")


def without_halves(text: str) -> str:
    """Return the text with its halves joined where they match, else left out."""
    if not _HALF.search(text):
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return _HALF.sub("", joined)
