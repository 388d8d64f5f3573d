# ruff: noqa: RUF001 (the signs of mathematics are meant)
"""Text normaliser: any text in, words and pause marks out, each with its source.

The words hold only letters and apostrophes, so normalising plain words changes
nothing. Special forms are spoken by ``verbalise``; here are words, abbreviations,
acronyms and punctuation. Pure: knows nothing of phones, clauses or audio.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

from voiceserver.voice.text.abbreviations import (
    ABBREVIATIONS,
    ALWAYS,
    DAYS,
    DOTTED,
    LOWER_INITIALISMS,
    MONTHS,
    SURE,
    TITLES,
)
from voiceserver.voice.text.addresses import CAMEL, Spoken, code_part, spell
from voiceserver.voice.text.capitals import is_said, letters_of
from voiceserver.voice.text.plaintext import Plain, to_plain
from voiceserver.voice.text.verbalise import SYMBOL_WORDS, verbalise

_log = logging.getLogger(__name__)

MARKS = "?!.:;-,"  # strongest first
LONGEST_WORD = 40  # letters; what is longer is cut, it is no word


@dataclass(frozen=True, slots=True)
class Token:
    """One spoken word or one pause mark.

    Attributes:
        text: ``[a-z']+`` or a character of ``MARKS``.
        start: Index of its first character in the source text.
        end: Index after its last one. Words of one number share its range.
        spelled: The word is the name of the letter ``text[0]`` (``b's``: plural).
    """

    text: str
    start: int
    end: int
    spelled: bool = False

    @property
    def is_mark(self) -> bool:
        """Whether it is a pause mark and not a word."""
        return self.text in MARKS


@dataclass(frozen=True, slots=True)
class Normalised:
    """What is to be said.

    Attributes:
        tokens: In order; never begins with a mark, never two marks in a row.
        skipped: Letters of scripts that cannot be read and were left out.
    """

    tokens: tuple[Token, ...]
    skipped: int

    @property
    def words(self) -> tuple[str, ...]:
        """The spoken words without marks."""
        return tuple(t.text for t in self.tokens if not t.is_mark)


_WORD = re.compile(r"'(?:tis|twas|em|cause|til|bout)\b|[A-Za-z]+(?:'[A-Za-z]+)*", re.I)
_INITIALS = re.compile(r"(?:[A-Za-z]{1,2}\.){2,8}(?:[A-Z]\b(?!\w))?")
_DOTTED_WORD = re.compile(r"[A-Za-z]{1,10}\.")
# No face where a number may be: "(up to 8)", "<3 days".
_NEVER_SPECIAL = frozenset(',;:])}?"|{')  # no rule begins with one of these
_EMOTICON = re.compile(
    r"(?<!\w)(?:[:;=][-o']?|8-)[)(\]\[DPp/|](?!\w)|(?<=I )<3(?!\d)|<3(?![\d.]| ?\w)"
)
_MARK = re.compile(r"[?!.:;,()\[\]\u2014|]+|(?<=\s)--?(?=\s)|--+")
_NEXT = re.compile(r"[\s\"'(\[]{0,40}(\S?)")
# An empty line, or one that begins with the number of an item.
_PARAGRAPH = re.compile(r"\n[ \t]{0,40}(?:\n\s*|(?=\d{1,3}[.)] ))")
# Most of any text: words in lower case that can be nothing but themselves.
_ORDINARY = re.compile(r"(?=[a-z]*[aeiouy])[a-z]+(?:'[a-z]+)?(?=[\s,;!?)]|\Z)")
_NO_VOWEL = re.compile(r"[b-df-hj-np-tv-xz]{2,6}(?:'?s)?")
# Sounds that people write without a vowel.
_SOUND = re.compile(
    r"h*m+|h?m+h+m*|s+h+|p+s+s*t+|b+r+|g+r+r+|p+f+t*|z+|t+s+k+|p+h+|n+th|mwh|ths?|nds?|rds?|sts?"
    r"|nd|st|ll|ve|re|ss|cwm|ssh|hrm*f*|mm+|krr*|vr+|wh|xx+|gr+|br+"
)
_MATHS = "=+^*<>/²³≈≤≥≠×÷∩∪∈∉⊂⊆"
_OPERATOR_AFTER = re.compile(
    rf" ?(?:[{_MATHS}]|!=|->|- ?\d|- [a-z]\b|\[)"
    r"| +(?:over|sub) +\w| {1,3}[b-hj-z](?![\w'.-])"
)
_OPERATOR_BEFORE = re.compile(rf"(?:[{_MATHS}]|->| -|\d ?-|^-) ?$")
_BESIDE_LETTER = re.compile(r" (?:[A-Z](?![\w'])|to [A-Z](?![\w']))")
_BEHIND_LETTER = re.compile(r"(?<![\w'])[A-Z] $")
_SPECIAL = frozenset((*MONTHS, *MONTHS.values(), *ALWAYS, *LOWER_INITIALISMS))
_COMPARED = re.compile(r" ?[-+]?[$\u20ac\u00a3]?\.?\d")
_TIMES = re.compile(r" ?[\d(]| [a-z]\b|[a-z]\b")
# A minus before a letter, behind a sum or nothing; no flag of a command.
_NEGATED = re.compile(r" ?[a-z](?![\w'-])|\(")
_OPERATOR_ENDS = re.compile(r"[=<>(+*/,^\u00d7\u2264\u2265] {1,12}$")
_NEGATES = re.compile(
    r"(?:[=<>(+*/,^\u00d7\u2264\u2265] {0,12}|^|\n|(?<![\w'-])[\da-z] ?|[\d)] ?)$"
)


class _Writer:
    """Collects tokens; joins marks that meet and maps ranges to the source."""

    def __init__(self, plain: Plain) -> None:
        self.plain = plain
        self.tokens: list[Token] = []

    def words(self, spoken: Spoken, start: int, end: int) -> None:
        for word in spoken:
            if word in MARKS:
                self.mark(word, start, end)
            elif word[1:2] == ".":
                self._add(word.replace(".", "", 1), start, end, True)
            else:
                self._add(word[:LONGEST_WORD], start, end, False)

    def mark(self, mark: str, start: int, end: int) -> None:
        if not self.tokens:
            return
        last = self.tokens[-1]
        if not last.is_mark:
            self._add(mark, start, end, False)
        elif MARKS.index(mark) < MARKS.index(last.text):
            self.tokens[-1] = Token(mark, last.start, last.end)

    def _add(self, text: str, start: int, end: int, spelled: bool) -> None:
        origin = self.plain.origin
        self.tokens.append(Token(text, origin[start], origin[end - 1] + 1, spelled))


def _following(text: str, at: int) -> str:
    """First character after spaces and opening quotes; empty at the end."""
    m = _NEXT.match(text, at)
    return m.group(1) if m else ""


def _ends_sentence(text: str, at: int) -> bool:
    return not _following(text, at) or _following(text, at).isupper()


def _title_or_road(low: str, text: str, start: int, end: int) -> str | None:
    """Saint or street, doctor or drive: by the capital that follows."""
    follows = _following(text, end)
    if low in ("st", "dr"):
        before = text[:start].rstrip()[-1:]
        named = follows.isupper() and not (low == "st" and before.isalnum())
        named = named or (low == "st" and follows.isupper() and before.islower())
        named = named and not re.search(
            r"\d [A-Z][a-z]+ ?$", text[max(0, start - 30) : start]
        )
        if named:
            return TITLES[low]
        return {"st": "street", "dr": "drive"}[low]
    # "Mr. and Mrs. Jones": these are nothing but titles, whatever follows.
    return TITLES[low] if follows.isupper() or low in ("mr", "mrs", "ms") else None


def _abbreviation(text: str, m: re.Match[str]) -> tuple[str, bool] | None:
    """Words of a dotted abbreviation, and whether its stop also ends the sentence."""
    raw, end = m.group(), m.end()
    low = raw[:-1].lower()
    follows = _following(text, end)
    if low in TITLES and (spoken := _title_or_road(low, text, m.start(), end)):
        is_road = spoken in ("street", "drive")
        return spoken, is_road and _ends_sentence(text, end)
    if low in ABBREVIATIONS:
        running = follows.islower() or follows.isdigit()
        sure = low in SURE or raw == "Co."
        if sure or running or (raw[0].isupper() and follows == ","):
            return ABBREVIATIONS[low], _ends_sentence(text, end)
    sure_month = low in MONTHS and low not in ("may", "mar")
    if raw[0].isupper() and (sure_month or (low == "mar" and follows.isdigit())):
        return MONTHS[low], not follows
    if raw[0].isupper() and low in DAYS and low not in ("sat", "sun"):
        return DAYS[low], not follows
    return None


def _word(text: str, m: re.Match[str]) -> Spoken:
    word = m.group()
    if (letters := letters_of(word, text, m)) is not None:
        return letters
    low = word.lower()
    if low in ALWAYS:
        return ALWAYS[low].split()
    if len(low) == 3 and low[1:] == "'s" and low[0] not in "s":
        return [f"{low[0]}.'s"]
    if len(word) == 1 and (low not in "ai" or _is_a_letter(word, text, m)):
        return [f"{low}."]
    if word.islower() and (low in LOWER_INITIALISMS or _is_initialism(low)):
        return _spelled_plural(low)
    parts = CAMEL.split(word)
    if len(parts) > 1 and parts[0] not in ("Mc", "Mac", "De", "La", "Le", "Van", "Di"):
        return [w for part in parts for w in _part(part)]
    return [low]


def _part(part: str) -> Spoken:
    """One word of those that capitals set apart: get User By Id."""
    if part.isupper():
        return code_part(part) if is_said(part.lower()) else spell(part)
    return code_part(part) if part[0].isupper() or len(part) < 4 else [part.lower()]


def _is_initialism(low: str) -> bool:
    return bool(_NO_VOWEL.fullmatch(low)) and not _SOUND.fullmatch(low)


def _spelled_plural(low: str) -> Spoken:
    stem = (
        re.sub(r"'?s$", "", low)
        if len(low) > 3 and low not in ("https", "tls")
        else low
    )
    letters = spell(stem)
    if stem != low:
        letters[-1] += "'s"
    return letters


def _is_a_letter(word: str, text: str, m: re.Match[str]) -> bool:
    """Whether "a" is the letter: beside an operator, a letter, or at an end."""
    after, lead = text[m.end() : m.end() + 10], text[max(0, m.start() - 3) : m.start()]
    if word == "I":  # it sounds the same
        return False
    if _OPERATOR_AFTER.match(after) or _OPERATOR_BEFORE.search(lead):
        return True
    if word in "ai":
        return False
    among = _BESIDE_LETTER.match(text, m.end()) or _BEHIND_LETTER.search(lead)
    return bool(among) or after[:1] in tuple(".,?!;:)") or after[:2] == " :"


def _dotted(text: str, at: int, out: _Writer) -> int | None:
    """Abbreviations with stops inside or at the end."""
    m = _INITIALS.match(text, at)
    if m:
        known = DOTTED.get(m.group().lower())
        single = all(len(p) == 1 for p in m.group().rstrip(".").split("."))
        if known or single:
            spoken = spell(m.group())
            if known:
                spoken = [f"{w}." if len(w) == 1 else w for w in known.split()]
            out.words(spoken, at, m.end())
            if m.group()[-1] == "." and not _following(text, m.end()):
                out.mark(".", m.end() - 1, m.end())
            return m.end()
    m = _DOTTED_WORD.match(text, at)
    if m is None:
        return None
    if (found := _abbreviation(text, m)) is not None:
        out.words(found[0].split(), at, m.end())
        if found[1]:
            out.mark(".", m.end() - 1, m.end())
        return m.end()
    raw = m.group()
    initial = len(raw) == 2 and raw[0].isupper() and raw != "I."
    named = text[m.end() : m.end() + 1] == " " and _following(text, m.end()).isupper()
    if initial and named:
        out.words(spell(raw), at, m.end())
        return m.end()
    return None


def _strongest(marks: str) -> str:
    as_marks = [c if c in MARKS else "," for c in marks]
    if marks.startswith("--"):
        return "-"
    return min(as_marks, key=MARKS.index)


def _negates(lead: str, following: str) -> bool:
    """Whether a sum or nothing stands before; a flag of a command is none: " -m"."""
    if lead[-1:] == " " and following != " ":
        return _OPERATOR_ENDS.search(lead) is not None
    return _NEGATES.search(lead) is not None


def _is_compared(text: str, at: int) -> bool:
    return _COMPARED.match(text, at + 1) is not None


def _symbol(text: str, at: int, out: _Writer) -> int:
    """Anything that is neither word, number nor mark: spoken if it has a word."""
    c, following = text[at], text[at + 1 : at + 2]
    lead = text[max(0, at - 24) : at]
    if c in "#@" and following.isalpha():
        out.words(["hashtag" if c == "#" else "at"], at, at + 1)
    elif c in "<>" and _is_compared(text, at):
        out.words(["less" if c == "<" else "greater", "than"], at, at + 1)
    elif c == "~" and _following(text, at + 1).isdigit():
        out.words(["about"], at, at + 1)
    elif c == "*" and _TIMES.match(text, at + 1) and re.search(r"[\w)] ?$", lead):
        out.words(["times"], at, at + 1)
    elif c == "-" and _NEGATED.match(text, at + 1) and _negates(lead, following):
        out.words(["minus"], at, at + 1)
    elif c in SYMBOL_WORDS:
        out.words(SYMBOL_WORDS[c].split(), at, at + 1)
    elif c in "-" and re.match(r" \d", text[at + 1 : at + 3]) and out.tokens:
        out.mark("-", at, at + 1)
    return at + 1


def _space(text: str, at: int, out: _Writer) -> int:
    """Pass over a space; an empty line or an item's number ends a sentence."""
    m = _PARAGRAPH.match(text, at)
    if m is None:
        return at + 1
    out.mark(".", at, at + 1)
    return m.end()


def _special(text: str, at: int, out: _Writer) -> int | None:
    """Numbers, addresses and the like; then abbreviations."""
    spoken = verbalise(text, at)
    if spoken is None:
        return _dotted(text, at, out)
    words, end = spoken
    out.words(words, at, end)
    # The stop of "10 a.m." also ends a sentence before a capital.
    if text[end - 1] == "." and _ends_sentence(text, end):
        out.mark(".", end - 1, end)
    return end


def _is_special(m: re.Match[str]) -> bool:
    """Whether a word in lower case may be read otherwise: "the" before a day."""
    word = m.group()
    dated = word == "the" and m.string[m.end() + 1 : m.end() + 2].isdigit()
    return dated or word in _SPECIAL


def _step(text: str, at: int, out: _Writer) -> int:
    """Read what begins at a place; returns where to go on."""
    if text[at].isspace():
        return _space(text, at, out)
    m = _ORDINARY.match(text, at)
    if m and len(m.group()) > 1 and not _is_special(m):
        out.words([m.group()], at, m.end())
        return m.end()
    if m := _EMOTICON.match(text, at):
        return m.end()
    end = None if text[at] in _NEVER_SPECIAL else _special(text, at, out)
    if end is not None:
        return end
    if m := _WORD.match(text, at):
        out.words(_word(text, m), at, m.end())
        return m.end()
    if m := _MARK.match(text, at):
        out.mark(_strongest(m.group()), at, m.end())
        return m.end()
    return _symbol(text, at, out)


def _step_or_plain(text: str, at: int, out: _Writer) -> int:
    """Read what begins at a place; as a plain word where reading it fails."""
    n_tokens = len(out.tokens)
    try:
        return _step(text, at, out)
    except Exception as error:  # noqa: BLE001 - a word never costs the reply its voice
        # Its kind alone: what it says may hold the text, and that is never logged.
        _log.error("the text front end failed (%s)", type(error).__name__)
    del out.tokens[n_tokens:]
    m = _WORD.match(text, at)
    if m is None:
        return at + 1
    out.words([m.group().lower()], at, m.end())
    return m.end()


def normalise(text: str) -> Normalised:
    """Turn text into words and pause marks.

    Args:
        text: Anything; markdown, emoji and control characters are dropped.

    Returns:
        Tokens in order, empty if there is nothing to say.
    """
    plain = to_plain(text)
    out = _Writer(plain)
    at = 0
    while at < len(plain.text):
        at = _step_or_plain(plain.text, at, out)
    return Normalised(tuple(out.tokens), plain.skipped)
