"""Numbers in speech: from words to a decimal numeral.

``read`` is forgiving, as people and recognisers are: "nineteen eighty four", "one oh
five", "two and a half", "3.5 million". Knows nothing of sums or durations.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from voiceserver.engines.words import TENS, UNITS

SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
LONGEST = 15  # digits of a numeral

_BELOW_HUNDRED = (
    {word: value for value, word in enumerate(UNITS)}
    | {word: 20 + 10 * index for index, word in enumerate(TENS)}
    | {"oh": 0, "nought": 0, "fourty": 40}
)
WORDS = (*_BELOW_HUNDRED, "hundred", *SCALES)
_FRACTIONS = {"half": "0.5", "quarter": "0.25"}
_NUMERAL = re.compile(r"(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?|\.\d+", re.ASCII)


def read(words: Sequence[str], at: int = 0) -> tuple[Decimal, int] | None:
    """Read the number that begins at a word.

    Args:
        words: Lower-case words and numerals.
        at: Index of the number's first word.

    Returns:
        The number, never negative, and the index after its last word; None if no
        number begins there or if it has more than 15 digits.
    """
    found = _whole(words, at)
    if found is None:
        return None
    value, at = found
    if _word(words, at) == "point" and (decimals := _digits(words, at + 1)):
        numeral, at = decimals
        value = Decimal(f"{int(value)}.{numeral}")
        if scale := SCALES.get(_word(words, at)):
            value, at = value * scale, at + 1
    elif _words(words, at, 2) == ("and", "a") and (
        fraction := _FRACTIONS.get(_word(words, at + 2))
    ):
        value, at = value + Decimal(fraction), at + 3
    return (value, at) if value < 10**LONGEST else None


def _word(words: Sequence[str], at: int) -> str:
    return words[at] if 0 <= at < len(words) else ""


def _words(words: Sequence[str], at: int, count: int) -> tuple[str, ...]:
    return tuple(words[at : at + count])


def _whole(words: Sequence[str], at: int) -> tuple[Decimal, int] | None:
    """What may stand before "point" or "and a half"."""
    word = _word(words, at)
    if word == "point" and _digits(words, at + 1):
        return Decimal(0), at
    if word in ("a", "an") and _word(words, at + 1) in (*_FRACTIONS, "dozen"):
        at, word = at + 1, _word(words, at + 1)
    if word in _FRACTIONS:
        return Decimal(_FRACTIONS[word]), at + 1
    if word == "dozen":
        return Decimal(12), at + 1
    if _NUMERAL.fullmatch(word):
        return _numeral(words, at)
    digits = _digit_by_digit(words, at)
    return digits if digits else _cardinal(words, at)


def _numeral(words: Sequence[str], at: int) -> tuple[Decimal, int] | None:
    plain = words[at].replace(",", "")
    if len(plain) > LONGEST + 1:
        return None
    value, at = Decimal(plain), at + 1
    if _word(words, at) == "hundred":
        value, at = value * 100, at + 1
    while scale := SCALES.get(_word(words, at)):
        value, at = value * scale, at + 1
        if value >= 10**LONGEST:
            return None
    return value, at


def _digit_by_digit(words: Sequence[str], at: int) -> tuple[Decimal, int] | None:
    """At least two of zero to nine in a row, e.g. one oh five."""
    numeral = ""
    while (digit := _BELOW_HUNDRED.get(_word(words, at), 10)) < 10:
        numeral, at = numeral + str(digit), at + 1
    if len(numeral) < 2 or len(numeral) > LONGEST or _is_scale(_word(words, at)):
        return None
    return Decimal(numeral), at


def _digits(words: Sequence[str], at: int) -> tuple[str, int] | None:
    """Decimals after "point": digits one by one, or as a number, e.g. fourteen."""
    found = _digit_by_digit(words, at)
    if found:
        count = found[1] - at
        return str(found[0]).rjust(count, "0"), found[1]
    pair = _pair(words, at)
    if pair:
        return str(pair[0]), pair[1]
    word = _word(words, at)
    return (word, at + 1) if word.isascii() and word.isdigit() else None


def _pair(words: Sequence[str], at: int) -> tuple[int, int] | None:
    """A number below a hundred in words."""
    value = _BELOW_HUNDRED.get(_word(words, at))
    if value is None:
        return None
    unit = _BELOW_HUNDRED.get(_word(words, at + 1), 0)
    if value >= 20 and 1 <= unit <= 9:
        return value + unit, at + 2
    return value, at + 1


def _is_scale(word: str) -> bool:
    return word == "hundred" or word in SCALES


def _cardinal(words: Sequence[str], at: int) -> tuple[Decimal, int] | None:
    total, smallest = 0, 10**LONGEST
    while True:
        start = at + 1 if total and _word(words, at) == "and" else at
        found = _below_thousand(words, start)
        if found is None:
            break
        group, after = found
        scale = SCALES.get(_word(words, after), 1)
        if scale >= smallest:
            break
        total, smallest = total + group * scale, scale
        at = after + (scale > 1)
        if scale == 1:
            return Decimal(total), at
    return (Decimal(total), at) if total else None


def _below_thousand(words: Sequence[str], at: int) -> tuple[int, int] | None:
    if _word(words, at) == "a" and _is_scale(_word(words, at + 1)):
        value, at = 1, at + 1
    else:
        pair = _pair(words, at)
        if pair is None:
            return None
        value, at = pair
        year = _year(words, value, at)
        if year is not None:
            return year
    if _word(words, at) != "hundred":
        return value, at
    value, at = value * 100, at + 1
    rest = _pair(words, at + 1 if _word(words, at) == "and" else at)
    return (value + rest[0], rest[1]) if rest and rest[0] else (value, at)


def _year(words: Sequence[str], value: int, at: int) -> tuple[int, int] | None:
    """Two pairs in a row: nineteen eighty four, nineteen oh five, one forty four."""
    if value < 10:
        rest = _pair(words, at)
        if value and rest and rest[0] >= 20:
            return value * 100 + rest[0], rest[1]
        return None
    if _word(words, at) in ("oh", "zero"):
        rest = _pair(words, at + 1)
        if rest and 1 <= rest[0] <= 9:
            return value * 100 + rest[0], rest[1]
        return None
    rest = _pair(words, at)
    if rest and rest[0] >= 10:
        return value * 100 + rest[0], rest[1]
    return None
