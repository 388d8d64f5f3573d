"""Addresses and codes in words: web, e-mail, telephone; letters mixed with digits.

Each rule takes a match of its pattern and gives words, or None where the text turns out
to be something else. Knows nothing of the order in which rules are tried.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from voiceserver.voice.text.abbreviations import DOMAINS, LOWER_INITIALISMS
from voiceserver.voice.text.numbers import cardinal, digits

Spoken = list[str]
Rule = Callable[[re.Match[str]], Spoken | None]

WEB_SYMBOLS = {
    ".": "dot",
    "-": "dash",
    "_": "underscore",
    "/": "slash",
    "+": "plus",
    "~": "tilde",
    "?": "question mark",
    "=": "equals",
    "&": "and",
    "#": "hash",
    "%": "percent",
    ":": "colon",
    "@": "at",
}
SHORT_DOMAINS = frozenset(("io", "ai", "uk", "us", "tv", "eu", "jp", "ch", "fr", "ca"))


def spell(letters: str) -> Spoken:
    """Letters by name, digits as words."""
    return [
        f"{c}." if c.isalpha() else digits(c)[0] for c in letters.lower() if c.isalnum()
    ]


# Where capitals begin a new word: getUserById, XMLHttpRequest.
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def code_part(part: str) -> Spoken:
    """A run of letters inside a code or address: a word if it can be said as one."""
    pieces = CAMEL.split(part)
    if len(pieces) > 1:
        return [word for piece in pieces for word in code_part(piece)]
    if (
        part in LOWER_INITIALISMS
        or len(part) == 1
        or not re.search(r"[aeiouy]", part.lower())
    ):
        return spell(part)
    if part.isupper() and len(part) <= 3:
        return spell(part)
    return [part.lower()]


# F-150, U-235
_NAMED_BY_HUNDREDS = re.compile(r"([A-Z]{1,3})-([1-9]\d\d)")


def by_hundreds(n: int) -> Spoken:
    """Three digits as names have them: one fifty, two oh four, eight hundred."""
    first, rest = divmod(n, 100)
    if not rest:
        return cardinal(n)
    return [*cardinal(first), *(["oh"] if rest < 10 else []), *cardinal(rest)]


def code(text: str) -> Spoken:
    """Letters and digits mixed, e.g. B2B, MP3, COVID19; symbols are passed over."""
    words: Spoken = []
    if m := _NAMED_BY_HUNDREDS.fullmatch(text):
        return [*spell(m[1]), *by_hundreds(int(m[2]))]
    in_words = re.fullmatch(r"(?:[a-z]{2,}-)+\d+", text) is not None  # one-in-100
    for part in re.findall(r"[A-Za-z]+|\d+", text):
        if part.isdecimal():
            short = in_words or (len(part) <= 2 and part[0] != "0")
            words += cardinal(int(part)) if short else digits(part)
        else:
            words += code_part(part)
    return words


def _address(text: str) -> Spoken:
    words: Spoken = []
    for part in re.findall(r"[A-Za-z]+|\d+|[^A-Za-z\d]", text):
        if part.isdecimal():
            words += cardinal(int(part)) if len(part) <= 2 else digits(part)
        elif part.isalpha():
            low = part.lower()
            words += spell(part) if low in SHORT_DOMAINS else code_part(low)
        elif part in WEB_SYMBOLS:
            words += WEB_SYMBOLS[part].split()
    return words


def _web(m: re.Match[str]) -> Spoken | None:
    text = re.sub(r"^[a-z]{2,6}://", "", m.group(), flags=re.IGNORECASE).rstrip("/")
    if text.lower().startswith("www."):
        return [*spell("www"), "dot", *_address(text[4:])]
    return _address(text)


def _email(m: re.Match[str]) -> Spoken | None:
    return _address(m.group())


def _path(m: re.Match[str]) -> Spoken | None:
    """A file's name or path; None where "and/or" lies before the stroke."""
    text = m.group()
    if text[0] in "/~." and m.string[m.start() - 1 : m.start()].strip(" \n('\""):
        return None
    return _address(text) if re.search("[A-Za-z]", text) else None


def _dot_name(m: re.Match[str]) -> Spoken | None:
    return ["dot", *code_part(m["name"].lower())]


def _phone(m: re.Match[str]) -> Spoken | None:
    text = m.group()
    groups = re.findall(r"\d+", text)
    if sum(map(len, groups)) < 7:
        return None
    words: Spoken = ["plus"] if text.startswith("+") else []
    for i, group in enumerate(groups):
        if i:
            words.append(",")
        words += ["eight", "hundred"] if group == "800" else digits(group, "oh")
    return words


def _ampersand(m: re.Match[str]) -> Spoken | None:
    words: Spoken = []
    for i, part in enumerate(m.group().split("&")):
        words += (["and"] if i else []) + spell(part)
    return words


def _less(m: re.Match[str]) -> Spoken | None:
    """What is taken from a letter as mathematics have it: n-1."""
    times = cardinal(int(m["times"])) if m["times"] else []
    return [*times, *spell(m["letter"]), "minus", *cardinal(int(m["number"]))]


def _code(m: re.Match[str]) -> Spoken | None:
    return code(m.group())


_TLD = "|".join(sorted(DOMAINS, key=len, reverse=True))

_FILE_ENDS = (
    "js ts jsx tsx py rb rs go java kt cpp hpp cs php sh bat ps1 sql html css scss json"
    " jsonl yaml yml toml xml ini cfg conf env lock log txt md rst csv tsv pdf doc docx"
    " xls xlsx ppt pptx png jpg jpeg gif svg webp mp3 mp4 wav flac ogg zip tar gz exe"
    " dll dmg apk iso ipynb"
).replace(" ", "|")

ADDRESS_PATTERNS: tuple[tuple[str, Rule], ...] = (
    (r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}", _email),
    (r"(?i:https?|ftp|wss?)://[^\s<>\"']{1,300}[\w/]", _web),
    (r"www\.[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}(?:/[\w./?=&%#~+-]{0,200}[\w/])?", _web),
    (
        rf"(?:[a-z\d][\w-]{{0,62}}\.){{1,5}}(?:{_TLD})\b(?!\.\w)"
        r"(?:/[\w./?=&%#~+-]{0,200}[\w/]|/)?",
        _web,
    ),
    # A path needs two parts or a sign of one, so that "he /she" is none.
    (r"(?:~|\.{1,2})?(?:/[\w.-]{0,60}\w){2,12}|(?:~|\.{1,2})/[\w.-]{0,60}\w", _path),
    (
        rf"(?:[A-Za-z][\w-]{{0,60}}/){{0,8}}(?:[A-Za-z][\w-]{{0,60}}\.){{1,4}}"
        rf"(?:{_FILE_ENDS}|{_FILE_ENDS.upper()}|NET)\b(?!\.\w|')",
        _path,
    ),
    # A domain of any country shows itself by the path behind it: bit.ly/3xYz.
    (r"[a-z\d][a-z\d-]{1,62}\.[a-z]{2,10}/[\w./?=&%#~+-]{1,200}(?<=[\w/])", _web),
    (r"(?<![^\s(\"'])\.(?P<name>[A-Za-z]{2,20})\b", _dot_name),
    (r"(?:\+?1[-. ])?\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}(?!\d)", _phone),
    (r"\+\d{1,3}(?:[-. ]?\(?\d{1,4}\)?){2,6}(?!\d)", _phone),
    (r"(?<![\d-])\d{3}-\d{4}(?![\d-])", _phone),
    (
        r"1-(?P<prefix>8(?:00|33|44|55|66|77|88))(?![\d-])",
        lambda m: ["one", *by_hundreds(int(m["prefix"]))],
    ),
)
CODE_PATTERNS: tuple[tuple[str, Rule], ...] = (
    (r"[A-Z]{1,4}(?:&[A-Z]{1,4}){1,3}(?![A-Za-z])", _ampersand),
    (r"[Ww]/o(?!\w)", lambda _: ["without"]),
    (r"[Ww]/(?= ?[A-Za-z\d])", lambda _: ["with"]),
    (r"'?[Nn]'(?= )", lambda _: ["and"]),
    (r"pg\. ?(?=\d)", lambda _: ["page"]),
    (r"pp?\. ?(?=\d)", lambda m: ["pages" if m.group()[1] == "p" else "page"]),
    (
        r"(?P<times>\d{1,3})?(?P<letter>[xyzn]|(?<!\d)[ijkmt](?=-1\b))-(?P<number>\d{1,3})(?![\w-])",
        _less,
    ),
    (r"(?=[A-Za-z-]{0,12}\d)[A-Za-z\d]{1,30}(?:-[A-Za-z\d]{1,30}){0,4}", _code),
)
