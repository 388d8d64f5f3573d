"""Words of a turn, for rules and features: lower case, no punctuation. Pure."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_LONGEST_TEXT = 4000  # characters looked at


def words_of_turn(text: str) -> tuple[str, ...]:
    """Words of what was said, as they stand: figures are left as figures."""
    return tuple(_WORD.findall(text[:_LONGEST_TEXT].lower().replace("\u2019", "'")))
