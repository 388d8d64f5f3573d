"""Written by a custom of its own: streets, scripture, chords, positions, ratings.

Each custom shows itself by what it alone has: the name of a book, a house number, a
degree with minutes. Each rule takes a match and gives words, or None. Knows nothing of
the order in which rules are tried.
"""

from __future__ import annotations

import re

from voiceserver.voice.text.abbreviations import NUMBERED, REGNAL
from voiceserver.voice.text.addresses import Rule, Spoken, code, code_part, spell
from voiceserver.voice.text.evidence import before
from voiceserver.voice.text.numbers import cardinal, decimal, ordinal, roman, year

ROADS = {
    "St": "street", "Ave": "avenue", "Rd": "road", "Ln": "lane", "Dr": "drive",
    "Ct": "court", "Pl": "place", "Blvd": "boulevard", "Pkwy": "parkway",
    "Hwy": "highway", "Sq": "square", "Ter": "terrace", "Cir": "circle",
}  # fmt: skip
_UNITS_OF_A_HOUSE = {
    "Hwy": "highway", "Rte": "route", "Ste": "suite", "Apt": "apartment", "Rm": "room",
    "Bldg": "building", "Fl": "floor",
}  # fmt: skip
_NAMED = {"St": "saint", "Mt": "mount", "Ft": "fort"}
# Capitals at the head of a sentence are no names of streets.
_NO_NAME = (
    r"(?!(?:The|A|An|My|Your|Our|His|Her|Their|This|That|Is|Was|Did|Does|Has|Dear|Hi"
    r"|Hello|Hey|And|But|Or|If|As|So|Then|When|With|For|To|From|Call|See|Ask|Tell"
    r"|Yes|No|Thanks|Meet|Mr|Mrs|Ms|Dr|Prof)\b)"
)
_HOUSE = re.compile(
    r"\d+[A-Za-z]? (?:[NSEW]\.? )?(?:[A-Z][a-z]+ ){1,3}$|\d(?:st|nd|rd|th) $"
)
_ON_IT = re.compile(r"\b(?:on|off|along|down|up|of|at|to) (?:[A-Z][a-z]+ ){1,2}$")
_NAME = re.compile(rf"(?:^|[\s(]){_NO_NAME}[A-Z][a-z]{{2,}} $")
_GOES_ON = re.compile(r"(?:,? [a-z]|[,;!?)]|\.?\Z)")


def _road(m: re.Match[str]) -> Spoken | None:
    lead = before(m, 60)
    sure = _HOUSE.search(lead) or _ON_IT.search(lead)
    if m["road"] in ("Ave", "Blvd", "Pkwy", "Hwy"):
        sure = sure or re.search(r"[A-Z][a-z]+ $", lead)
    # "Elm Dr is closed": a name before, and none behind that a doctor could have.
    sure = sure or (_NAME.search(lead) and _GOES_ON.match(m.string, m.end()))
    return [ROADS[m["road"]]] if sure else None


def _house(m: re.Match[str]) -> Spoken | None:
    """The number of a house is said in pairs of digits: twenty two forty nine."""
    return year(int(m["house"]))


_POINTS = {"N": "north", "S": "south", "E": "east", "W": "west", "NE": "northeast",
           "NW": "northwest", "SE": "southeast", "SW": "southwest"}  # fmt: skip


def _side(m: re.Match[str]) -> Spoken | None:
    """A letter of the compass before the name of a street: 123 N. Main St."""
    return [_POINTS[m["side"]]] if re.search(r"\b\d{1,6} $", before(m)) else None


def _quarter(m: re.Match[str]) -> Spoken | None:
    """Letters of the compass behind a street's name: Pennsylvania Ave NW."""
    roads = "|".join([*ROADS, *ROADS.values()])
    behind = re.search(rf"\b(?i:{roads})\.? $", before(m))
    return [_POINTS[m["side"]]] if behind else None


_BOOKS = (
    "Genesis Exodus Leviticus Numbers Deuteronomy Joshua Judges Ruth Samuel Kings"
    " Chronicles Ezra Nehemiah Esther Job Psalms? Proverbs Ecclesiastes Isaiah Jeremiah"
    " Lamentations Ezekiel Daniel Hosea Joel Amos Obadiah Jonah Micah Nahum Habakkuk"
    " Zephaniah Haggai Zechariah Malachi Matthew Mark Luke John Acts Romans Corinthians"
    " Galatians Ephesians Philippians Colossians Thessalonians Timothy Titus Philemon"
    " Hebrews James Peter Jude Revelation Maccabees Sirach Tobit Judith Quran Surah"
).replace(" ", "|")
_SHORT_BOOKS = {
    "Gen": "genesis", "Ps": "psalm", "Prov": "proverbs", "Isa": "isaiah",
    "Jer": "jeremiah", "Matt": "matthew", "Mt": "matthew", "Mk": "mark", "Lk": "luke",
    "Jn": "john", "Rom": "romans", "Cor": "corinthians", "Gal": "galatians",
    "Eph": "ephesians", "Phil": "philippians", "Col": "colossians", "Heb": "hebrews",
    "Jas": "james", "Rev": "revelation",
}  # fmt: skip
_SHORT_BOOK = "|".join(_SHORT_BOOKS)
_PARTS = {"Sec": "section", "Art": "article", "Ch": "chapter", "Vol": "volume",
          "Fig": "figure", "Pt": "part"}  # fmt: skip
_NUMBERED_BOOKS = (
    "Samuel Kings Chronicles Corinthians Thessalonians Timothy Peter John Maccabees"
).replace(" ", "|")
_OF_A_BOOK = re.compile(
    rf"\b(?:(?:{_BOOKS})|(?:{_SHORT_BOOK})\.?) $"
    rf"|\b(?:{_BOOKS}) \d[\d:;, -]{{2,24}}[;,] $"
)


def _verses(m: re.Match[str]) -> Spoken | None:
    """Chapter and verse after the name of a book."""
    if not _OF_A_BOOK.search(before(m, 48)):
        return None
    words = [*cardinal(int(m["chapter"])), *cardinal(int(m["verse"]))]
    if m["last_chapter"]:
        words += ["to", *cardinal(int(m["last_chapter"]))]
        return [*words, *cardinal(int(m["last"]))]
    return [*words, "to", *cardinal(int(m["last"]))] if m["last"] else words


def _degrees(m: re.Match[str]) -> Spoken | None:
    """A position or an angle in degrees, minutes and seconds."""
    minutes = int(m["minutes"])
    words = [*cardinal(int(m["degrees"])), "degrees", *cardinal(minutes)]
    words.append("minute" if minutes == 1 else "minutes")
    if m["seconds"]:
        words += [
            *decimal(m["seconds"]),
            "second" if m["seconds"] == "1" else "seconds",
        ]
    return [*words, _POINTS[m["side"]]] if m["side"] else words


def _of_degrees(m: re.Match[str]) -> Spoken | None:
    return [*decimal(m["degrees"]), "degrees", _POINTS[m["side"]]]


_KINDS = {"m": ["minor"], "maj": ["major"], "min": ["minor"], "dim": ["diminished"],
          "aug": ["augmented"], "sus": ["sus"], "add": ["add"], "": []}  # fmt: skip
_CHORD = (
    r"(?P<root>[A-G])(?P<sign>[#\u266f\u266d]|b(?=m|\d|maj|sus|dim|\b))?"
    r"(?P<kind>maj|min|dim|aug|sus|add|m)?(?P<number>\d{1,2})?"
)
_BESIDE = re.compile(
    r"(?:[\s,>|/-]| to | and | or | the ){1,4}[A-G][#\u266f\u266db]?(?:m|maj|dim"
    r"|sus)?\d?"
    r"(?![\w'])"
)
_BESIDE_BEFORE = re.compile(
    r"(?<!\w)[A-G][#\u266f\u266db]?(?:m|maj|dim|sus)?\d?(?:[\s,>|/-]| to | and | or "
    r"| the )"
    r"{1,4}$"
)
_OF_CHORDS = re.compile(r" (?:chord|key|scale|major|minor)s?\b")


def _chord(m: re.Match[str]) -> Spoken | None:
    """The name of a chord: one that nothing else could be, or one among others."""
    kind, sign, number = m["kind"] or "", m["sign"], m["number"]
    if not kind and not sign:
        return None
    sure = (sign and sign != "b" and (kind or not number)) or (
        kind in ("m", "maj", "dim", "sus", "aug")
        and number in ("6", "7", "9", "4", "2")
    )
    keyed = re.search(r"\b(?:key of|chords?:?) $", before(m)) is not None
    beside = _BESIDE.match(m.string, m.end()) or _BESIDE_BEFORE.search(before(m))
    if not (sure or keyed or _OF_CHORDS.match(m.string, m.end()) or (kind and beside)):
        return None
    words = spell(m["root"])
    if sign:
        words.append("flat" if sign in "b\u266d" else "sharp")
    return [*words, *_KINDS[kind], *(cardinal(int(number)) if number else [])]


def _doses(m: re.Match[str]) -> Spoken | None:
    """q4-6h of a prescription: every four to six hours."""
    words = ["every", *cardinal(int(m["first"]))]
    words += ["to", *cardinal(int(m["last"]))] if m["last"] else []
    return [*words, "hours"]


_PIECES = {"K": "king", "Q": "queen", "R": "rook", "B": "bishop", "N": "knight"}
_MOVE = (
    r"(?P<piece>[KQRBN])?(?P<file>[a-h])?(?P<rank>[1-8])?(?P<takes>x)?"
    r"(?P<to>[a-h])(?P<row>[1-8])(?:=(?P<becomes>[QRBN]))?(?P<check>[+#])?(?![\w'-])"
)
_OF_CHESS = re.compile(
    r"\b(?:[Cc]hess|[Cc]heckmates?|[Pp]awns?|[Kk]nights?|[Bb]ishops?|[Rr]ooks?"
    r"|[Ww]hite (?:plays|moves|has|to)|[Bb]lack (?:plays|moves|answers|replies|to)"
    r"|[KQRBN][a-h]?[1-8]?x?[a-h][1-8][+#]?|[a-h]x[a-h][1-8]|O-O(?:-O)?"
    r"|\d{1,2}\.(?:\.\.)? ?[a-h][1-8])(?![\w'])"
)


def _is_of_chess(m: re.Match[str]) -> bool:
    """Whether a move, a piece or the game is named beside it."""
    lead = before(m, 60)
    return bool(_OF_CHESS.search(lead) or _OF_CHESS.search(m.string[m.end() :][:60]))


def _move(m: re.Match[str]) -> Spoken | None:
    """A move of chess: Nf3, exd5, Qxe7+."""
    named = m["piece"] or m["takes"] or m["becomes"]
    if not named or not _is_of_chess(m):
        return None
    words = [_PIECES[m["piece"]]] if m["piece"] else []
    words += spell(m["file"]) if m["file"] else []
    words += cardinal(int(m["rank"])) if m["rank"] else []
    words += ["takes"] if m["takes"] else []
    words += [*spell(m["to"]), *cardinal(int(m["row"]))]
    words += ["equals", _PIECES[m["becomes"]]] if m["becomes"] else []
    return words + {"+": ["check"], "#": ["checkmate"]}.get(m["check"] or "", [])


def _castles(m: re.Match[str]) -> Spoken | None:
    if not _is_of_chess(m):
        return None
    return ["castles", *(["queenside"] if m["long"] else [])]


def _words_between(m: re.Match[str]) -> Spoken | None:
    """A number, a word and a number in one: 2in1, 4for4, 10by12."""
    first, second = cardinal(int(m["first"])), cardinal(int(m["second"]))
    return [*first, m["word"].lower(), *second]


def _colour(m: re.Match[str]) -> Spoken | None:
    """A colour in hexadecimal digits is no topic of a network."""
    digits = m["digits"]
    mixed = not digits.isdecimal() and re.search(r"\d", digits)
    return ["hash", *code(digits)] if mixed else None


def _stars(m: re.Match[str]) -> Spoken | None:
    """A rating drawn in stars: three full and two empty are three out of five."""
    full, empty = len(m["full"]), len(m["empty"])
    if full + empty < 2 or full + empty > 10:
        return None
    words = cardinal(full)
    if empty:
        return [*words, "out", "of", *cardinal(full + empty), "stars"]
    return [*words, "stars"]


def _starred(m: re.Match[str]) -> Spoken | None:
    single = m["number"] == "1" or re.match(r" [a-z]", m.string[m.end() :])
    return [*decimal(m["number"]), "star" if single else "stars"]


def _roman(m: re.Match[str]) -> Spoken | None:
    value, name = roman(m["roman"]), m["before"].lower()
    if not value:
        return None
    lead = code_part(m["before"]) if m["before"].isupper() else [name]
    if name in REGNAL:
        words = ordinal(value)
        if m["of"]:
            words[-1] += "'s"
        return [*lead, "the", *words]
    if m["of"]:
        return None
    single = len(m["roman"]) == 1
    if single and not (m["roman"] in "IV" or (m["roman"] == "X" and name in _DIVIDED)):
        return None
    if name in NUMBERED or (not single and value < 40):
        return [*lead, *cardinal(value)]
    return None


# What is numbered so far that a tenth is likelier than the letter: chapter X.
_DIVIDED = frozenset(
    "act article book chapter part volume scene war super bowl".split()
)
_NUMERAL = r"I{1,3}|I?[VX]|VI{1,3}|XI{1,3}|XI?V|XVI{1,3}|XI?X|XXI{0,3}"


_OTHER = re.compile(r",? (?:and |or |& |to )?(?=[IVX])([IVX]{1,5})(?![\w'])")
_OTHER_BEFORE = re.compile(r"(?<![\w'])([IVX]{1,5}),? (?:and |or |& |to )?$")
_LIKE_LETTERS = ("I", "V", "X", "IV", "VI", "XI", "XX", "XV")


def _part(m: re.Match[str]) -> Spoken | None:
    value = roman(m["roman"])
    return [_PARTS[m["part"]], *cardinal(value)] if value else None


def _numeral(m: re.Match[str]) -> Spoken | None:
    """A numeral by itself: before a century, with an ending, among others, or long."""
    text, value = m["roman"], roman(m["roman"])
    if not value:
        return None
    if m["end"] or m["century"] is not None:
        return ordinal(value) if not m["end"] or len(text) > 1 else None
    others = [_OTHER.match(m.string, m.end()), _OTHER_BEFORE.search(before(m, 14))]
    listed = any(found and roman(found[1]) and len(found[1]) > 1 for found in others)
    if listed or (text not in _LIKE_LETTERS and value < 40 and len(text) > 1):
        return cardinal(value)
    return None


NOTATION_PATTERNS: tuple[tuple[str, Rule], ...] = (
    (
        r"(?P<house>[1-9]\d{3}) (?=(?:[NSEW]\.? )?"
        r"(?:[A-Z][a-z]+ |\d+(?:st|nd|rd|th) ){1,3}"
        rf"(?:{'|'.join([*ROADS, *(w.title() for w in ROADS.values())])})\b)",
        _house,
    ),
    (rf"(?P<road>{'|'.join(ROADS)})\b(?!\.|')", _road),
    (
        rf"(?P<road>{'|'.join(r for r in ROADS if r not in ('St', 'Dr'))})\.",
        _road,
    ),
    (
        rf"(?P<unit>{'|'.join(_UNITS_OF_A_HOUSE)})\.? (?=#?\d)",
        lambda m: [_UNITS_OF_A_HOUSE[m["unit"]]],
    ),
    (
        rf"(?P<name>{'|'.join(_NAMED)}) (?=[A-Z][a-z]{{2}})",
        lambda m: [_NAMED[m["name"]]],
    ),
    (r"(?P<side>[NSEW])\.? (?=[A-Z][a-z]|\d{1,3}(?:st|nd|rd|th))", _side),
    (r"(?P<side>[NS][EW]|[NSEW])(?![\w.'])", _quarter),
    (
        r"(?P<book>[123]) (?=(?:" + _NUMBERED_BOOKS
        + r")\b|(?:Cor|Sam|Thess|Tim|Pet)\.? \d{1,3}:)",
        lambda m: [("first", "second", "third")[int(m["book"]) - 1]],
    ),
    (
        rf"(?P<book>{_SHORT_BOOK})\.? (?=\d{{1,3}}:\d)",
        lambda m: [_SHORT_BOOKS[m["book"]]],
    ),
    (
        r"(?P<chapter>\d{1,3}):(?P<verse>\d{1,3})"
        r"(?:-(?:(?P<last_chapter>\d{1,3}):)?(?P<last>\d{1,3}))?(?![\d:])",
        _verses,
    ),
    (
        r"(?P<degrees>\d{1,3})\u00b0 ?(?P<minutes>\d{1,2})'"
        r"(?: ?(?P<seconds>\d{1,2}(?:\.\d{1,6})?)(?:\"|''))?(?: ?(?P<side>[NSEW])\b)?",
        _degrees,
    ),
    (
        r"(?P<degrees>\d{1,3}(?:\.\d{1,12})?)\u00b0 ?(?P<side>[NSEW])\b",
        _of_degrees,
    ),
    (r"q(?P<first>\d{1,2})(?:-(?P<last>\d{1,2}))? ?h(?:rs?)?(?!\w)", _doses),
    (_MOVE, _move),
    (r"O-O(?P<long>-O)?(?![\w-])", _castles),
    (r"(?P<first>\d{1,2})(?P<word>(?i:in|to|by|for))(?P<second>\d{1,2})(?!\w)",
     _words_between),
    (r"(?P<number>\d{1,2})U[Pp]\b", lambda m: [*cardinal(int(m["number"])), "up"]),
    (r"#(?P<digits>[0-9a-fA-F]{6}|[0-9a-fA-F]{8}|[0-9a-fA-F]{3})(?!\w)", _colour),
    (_CHORD + r"(?![\w'])", _chord),
    (r"(?P<full>\u2605+)(?P<empty>\u2606*)", _stars),
    (r"(?P<number>\d{1,2}(?:\.\d)?) ?(?P<full>\u2605)", _starred),
    (r"(?P<zone>GMT|UTC)(?P<sign>[-+])(?=\d)", lambda m: [
        *spell(m["zone"]), "minus" if m["sign"] == "-" else "plus"
    ]),
)  # fmt: skip
ROMAN_PATTERNS: tuple[tuple[str, Rule], ...] = (
    (rf"(?P<part>{'|'.join(_PARTS)})\. ?(?P<roman>[IVX]{{1,6}})(?!\w)", _part),
    (r"Sec\. ?(?=\d)", lambda _: ["section"]),
    (
        r"(?P<before>[A-Z][A-Za-z]{1,20}) (?P<roman>[IVXLC]{1,7})(?P<of>'s)?"
        r"(?![\w']|\.\w|-\w)",
        _roman,
    ),
    (
        r"(?P<roman>[IVX]{1,6})(?P<end>th|st|nd|rd)?(?P<century>(?= centur))?(?![\w'])",
        _numeral,
    ),
)
