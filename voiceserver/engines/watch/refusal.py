"""Whether an answer declines to answer, by how it begins. Pure.

English only: of another language it says no. Counts, and never decides a turn: a rise
of refusals is a sign that a model or its filter has changed.
"""

from __future__ import annotations

import re

LOOKED_AT = 160  # characters of an answer's beginning

_DECLINES = re.compile(
    r"^\W*(?:(?:i(?:'| a)m )?(?:so |very |really )?(?:sorry|afraid)\b[^.!?]{0,40}?)?"
    r"(?:but |that )?"
    r"(?:i|we) (?:(?:can(?:no|')t|can not|won't|will not|am unable to|'m unable to"
    r"|am not able to|'m not able to|am not allowed to|must decline|have to decline"
    r"|can(?:no|')t really) ?(?:to )?"
    r"(?:help|assist|answer|discuss|provide|comply|do that|give|talk|fulfil|continue"
    r"|engage|respond|support|share|offer|create|say)?)"
    r"|^\W*as an ai\b[^.!?]{0,60}(?:can(?:no|')t|unable|not able|don't|do not)",
    re.IGNORECASE,
)
_QUOTES = str.maketrans({"\u2019": "'", "\u2018": "'"})


def declines(answer: str) -> bool:
    """Whether an answer begins as a refusal does.

    Args:
        answer: From its beginning; what is beyond ``LOOKED_AT`` is not looked at.
    """
    return _DECLINES.match(answer[:LOOKED_AT].translate(_QUOTES)) is not None
