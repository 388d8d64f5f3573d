"""What stands beside a number, and what that says of its reading.

Small questions about the text round a match: does a word before it name a code, a
place, a date; is something counted after it? Knows nothing of words that are spoken.
"""

from __future__ import annotations

import re

_OF_NUMBERS = (
    "account card phone order reference confirmation tracking serial model part case"
    " ticket invoice policy member license routing customer claim registration"
).replace(" ", "|")
_KNOWN_BY_DIGIT = re.compile(
    r"\b(?:(?<!zip )code|pin|otp|passcode|password|passport|card|ssn|iban|id|isbn"
    r"|ein|sku|upc"
    rf"|imei|vin|issn|serial|tracking|(?:{_OF_NUMBERS}) (?:number|no\.?|id)|zip(?:"
    rf" code)?)"
    r"(?:\s?#|:)?(?: is| was| of| ends in| ending in| ends with)?:? #?$",
    re.IGNORECASE,
)
_DIALLED = re.compile(
    r"\b(?:call|dial|phone|ring|text|tel|telephone|fax|mobile|cell|extension|ext|sms"
    r"|whatsapp|text [A-Z]{2,12} to|number is|me at)\b\.?(?: us| me)?(?: at| on|"
    r" is)?:? $",
    re.IGNORECASE,
)
_SHORT_DIALLED = re.compile(r"\b(?:ext|extension)\b\.?:? $", re.IGNORECASE)
_PRESSED = re.compile(
    r"\b(?:press|dial|enter|hit|punch|push|code|or|and|then)(?: the)? $", re.IGNORECASE
)
_PLACE = re.compile(
    r"\b(?:gate|apt|apartment|unit|suite|room|row|seat|exit|flat|section|platform"
    r"|terminal|bus|block)\b\.?(?: is| number|:)? $",
    re.IGNORECASE,
)
_PART_OF = re.compile(
    r"\b(?:page|slide|step|part|question|chapter|item|level|episode|lesson|day|round"
    r"|module) $",
    re.I,
)
_ON_DATE = re.compile(
    r"\b(?:on|by|due|until|till|since|dated|before|after|week of|starting|ending|ends"
    r"|expires|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?) $",
    re.I,
)
_COUNTS = re.compile(
    r" (?!(?:at|in|or|and|to|for|from|with|we|you|i|it|is|the|if|because|so|but"
    r"|through|until|before|after)\b)[a-z]"
)
_OF_A_DECADE = re.compile(
    r"(?:\b(?:the|his|her|their|your|my|our|early|mid|late)[ -]|\d0s (?:and|or|to) )$",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r" (?:(?!(?:is|was|has|as|this|us)\b)(?:[a-z]{2,20} )?[a-z]{2,20}s"
    r"|(?:[a-z]{2,20} )?(?:people|men|women|children)|of)\b"
)
_SEVERAL = re.compile(
    r"\b(?:these|those|two|three|four|five|six|ten|many|several|some|of|both|all|few"
    r"|boeing|\d{1,3}) (?:[A-Za-z]{2,20} )?$|\bthe $",
    re.IGNORECASE,
)
_AN = re.compile(
    r"(?:\b(?:an?|every|each|this|that) (?:(?!of\b)[a-z]{3,12}(?:al|ed|ic|le|ew|ar"
    r"|ll|nd|rd) )?|\d \()"
    r"-?[$\u20ac\u00a3\u00a5]?$",
    re.I,
)
_NOUN = re.compile(
    r"[ -](?!(?:of|and|or|in|to|at|for|per|a|an|the|is|was|are|each|more|less|from|on"
    r"|by|with|if|but|as|off|than|apart|away|ago|later|long|wide|tall|deep|high|so"
    r"|when|while|before|after|until|then|into|out|up|down)\b)[A-Za-z]{2,}"
)
_NAME_BEFORE = re.compile(r"\b[A-Za-z]*[a-z][A-Z][A-Za-z]* $")
_MODEL_BEFORE = re.compile(r"(?<![A-Za-z])(?:[A-Z]{2,5}[ -])$")


def before(m: re.Match[str], n: int = 32) -> str:
    """What stands before a match."""
    return m.string[max(0, m.start() - n) : m.start()]


def describes(m: re.Match[str]) -> bool:
    """Whether an amount stands as an adjective: "a ten foot pole"."""
    return bool(_AN.search(before(m)) and _NOUN.match(m.string, m.end()))


def at_a_place(m: re.Match[str]) -> bool:
    """Whether a number with a letter is the name of a gate, a seat and the like."""
    return bool(_PLACE.search(before(m)))


def is_decade(m: re.Match[str]) -> bool:
    """Whether the twenties are meant and not twenty seconds."""
    return bool(_OF_A_DECADE.search(before(m)))


def is_known_by_digit(lead: str) -> bool:
    """Whether the words before a number name what is read digit by digit."""
    return bool(_KNOWN_BY_DIGIT.search(lead))


def is_dialled(lead: str) -> bool:
    """Whether the words before a number say that it is called or texted."""
    return bool(_DIALLED.search(lead))


def is_extension(lead: str) -> bool:
    """Whether a number is an extension, dialled however short."""
    return bool(_SHORT_DIALLED.search(lead))


def is_pressed(lead: str) -> bool:
    """Whether a key of a telephone follows."""
    return bool(_PRESSED.search(lead))


def is_part_of(lead: str) -> bool:
    """Whether a stroke counts pages and the like: page 3/12."""
    return bool(_PART_OF.search(lead))


def is_on_a_date(m: re.Match[str]) -> bool:
    """Whether a stroke without a year is a date, by the word before and what"
    " follows."""
    on_it = _ON_DATE.search(before(m))
    return bool(on_it and not _COUNTS.match(m.string, m.end()))


def is_counted(m: re.Match[str]) -> bool:
    """Whether things or people are counted after a match."""
    return bool(_COUNTED.match(m.string, m.end()))


def is_several(m: re.Match[str]) -> bool:
    """Whether there are more of what is named than one: two 747s."""
    return bool(_SEVERAL.search(before(m)))


def is_product(m: re.Match[str]) -> bool:
    """Whether a name with a capital inside stands before: iPhone 6s."""
    return bool(_NAME_BEFORE.search(before(m)))


def is_model(m: re.Match[str]) -> bool:
    """Whether letters in capitals stand before, as with models: RTX 3080."""
    return bool(_MODEL_BEFORE.search(before(m, 8)))
