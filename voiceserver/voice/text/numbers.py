"""Numbers as American English speaks them: words from integers and digit strings.

Pure functions from numbers to lists of lower-case words. Knows nothing of the text
round a number; deciding what a number *is* belongs to ``normalise``.
"""

from __future__ import annotations

import itertools

# A number as it is written; a decimal point needs no digit before it.
NUMBER = (
    r"\d{1,3}(?:,\d{3}){1,6}(?:\.\d{1,30})?(?![\d,]\d)"
    r"|\d{1,2}(?:,\d\d){1,4},\d{3}(?:\.\d{1,30})?(?![\d,]\d)"  # lakh and crore
    r"|\d{1,200}(?:\.\d{1,30})?|(?<![\w.)])\.\d{1,30}"
)
UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
SCALES = ("", "thousand", "million", "billion", "trillion", "quadrillion")
LONGEST = 18  # digits; longer ones are read digit by digit

IRREGULAR_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def _below_thousand(n: int) -> list[str]:
    words: list[str] = []
    if n >= 100:
        words += [UNITS[n // 100], "hundred"]
        n %= 100
    if n >= 20:
        words.append(TENS[n // 10])
        n %= 10
        if n:
            words.append(UNITS[n])
    elif n or not words:
        words.append(UNITS[n])
    return words


def cardinal(n: int) -> list[str]:
    """Words of a whole number, e.g. 1205: one thousand two hundred five."""
    if n < 0:
        return ["minus", *cardinal(-n)]
    if len(str(n)) > LONGEST:
        return digits(str(n))
    if n == 0:
        return ["zero"]
    groups: list[int] = []
    while n:
        n, rest = divmod(n, 1000)
        groups.append(rest)
    words: list[str] = []
    for power in range(len(groups) - 1, -1, -1):
        if groups[power]:
            words += _below_thousand(groups[power])
            if power:
                words.append(SCALES[power])
    return words


def ordinal_word(word: str) -> str:
    """Turn the last word of a cardinal into its ordinal, e.g. twenty: twentieth."""
    if word in IRREGULAR_ORDINALS:
        return IRREGULAR_ORDINALS[word]
    return word[:-1] + "ieth" if word.endswith("y") else word + "th"


def ordinal(n: int) -> list[str]:
    """Words of an ordinal, e.g. 21: twenty first."""
    *head, last = cardinal(n)
    return [*head, ordinal_word(last)]


def digits(text: str, zero: str = "zero") -> list[str]:
    """Words of a string of digits, one each; other characters are passed over."""
    return [zero if c == "0" else UNITS[int(c)] for c in text if "0" <= c <= "9"]


def decimal(text: str) -> list[str]:
    """Words of digits with a point, e.g. 3.14: three point one four.

    Commas between groups are allowed; whole numbers too long to name, and those with
    a leading zero such as 007, are read digit by digit.
    """
    whole, _, part = text.replace(",", "").partition(".")
    words = whole_number(whole) if whole else []
    return [*words, "point", *digits(part)] if part else words


def whole_number(text: str) -> list[str]:
    """Words of a string of digits as a quantity; digit by digit if zero leads."""
    if len(text) > LONGEST or (len(text) > 1 and text[0] == "0"):
        return digits(text)
    return cardinal(int(text))


def year(n: int) -> list[str]:
    """Words of a year, e.g. 1999: nineteen ninety nine; 2005: two thousand five."""
    if not 1000 <= n <= 9999 or n % 1000 == 0 or 2000 <= n < 2010:
        return cardinal(n)
    century, rest = divmod(n, 100)
    if rest == 0:
        return [*cardinal(century), "hundred"]
    if rest < 10:
        return [*cardinal(century), "oh", UNITS[rest]]
    return [*cardinal(century), *cardinal(rest)]


def is_day(month: int, day: int) -> bool:
    """Whether two numbers can be a month and a day of it."""
    return 1 <= month <= 12 and 1 <= day <= 31


def plural(words: list[str]) -> list[str]:
    """The last word in the plural, e.g. nineteen eighty: nineteen eighties."""
    *head, last = words
    if last.endswith("y"):
        return [*head, last[:-1] + "ies"]
    return [*head, last + ("es" if last.endswith("x") else "s")]


def fraction(top: int, bottom: int) -> list[str]:
    """Words of a fraction, e.g. 3/4: three quarters; 1/2: one half."""
    names = {2: ("half", "halves"), 4: ("quarter", "quarters")}
    if bottom in names:
        return [*cardinal(top), names[bottom][top != 1]]
    if not 2 < bottom <= 100:
        return [*cardinal(top), "over", *cardinal(bottom)]
    below = ordinal(bottom)
    if top != 1:
        below[-1] += "s"
    return [*cardinal(top), *below]


def with_article(spoken: list[str]) -> list[str]:
    """A fraction behind a whole number: and a half, and one eighth."""
    if spoken in (["one", "half"], ["one", "third"], ["one", "quarter"]):
        return ["a", spoken[1]]
    return spoken


def roman(text: str) -> int:
    """Value of a Roman numeral in capitals; 0 if it is not a well-formed one."""
    total = 0
    values = [ROMAN.get(c, 0) for c in text]
    for value, following in itertools.pairwise([*values, 0]):
        total += -value if value < following else value
    return total if text and 0 < total < 4000 and _as_roman(total) == text else 0


def _as_roman(n: int) -> str:
    steps = "M1000 CM900 D500 CD400 C100 XC90 L50 XL40 X10 IX9 V5 IV4 I1".split()
    out = ""
    for step in steps:
        letters = step.rstrip("0123456789")
        value = int(step[len(letters) :])
        out += letters * (n // value)
        n %= value
    return out
