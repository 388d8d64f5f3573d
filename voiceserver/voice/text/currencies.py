"""Money in words: amounts beside a sign, a sign with letters, or a code of three.

Each rule takes a match of its pattern and gives words, or None. Knows nothing of the
order in which rules are tried.

Source of the codes: ISO 4217, list one.
"""

from __future__ import annotations

import re

from voiceserver.voice.text.abbreviations import MAGNITUDES
from voiceserver.voice.text.addresses import Rule, Spoken
from voiceserver.voice.text.evidence import describes
from voiceserver.voice.text.numbers import NUMBER, cardinal, decimal, whole_number

# Singular, plural, and the same of the hundredth where it is spoken of.
_DOLLAR = ("dollar", "dollars", "cent", "cents")
MONEY = {
    "$": _DOLLAR,
    "\u20ac": ("euro", "euros", "cent", "cents"),
    "\u00a3": ("pound", "pounds", "penny", "pence"),
    "\u00a5": ("yen", "yen", "", ""),
    "\u20b9": ("rupee", "rupees", "paisa", "paise"),
    "\u20a9": ("won", "won", "", ""),
    "\u20bf": ("bitcoin", "bitcoin", "", ""),
    "\u20ba": ("lira", "lira", "kurus", "kurus"),
    "\u20bd": ("ruble", "rubles", "kopek", "kopeks"),
    "\u20aa": ("shekel", "shekels", "agora", "agorot"),
    "\u20ab": ("dong", "dong", "", ""),
    "\u20b1": ("peso", "pesos", "centavo", "centavos"),
    "\u20a6": ("naira", "naira", "kobo", "kobo"),
    "\u20b4": ("hryvnia", "hryvnias", "kopek", "kopeks"),
    "\u0e3f": ("baht", "baht", "satang", "satang"),
    "\u20b5": ("cedi", "cedis", "pesewa", "pesewas"),
    "\u20b8": ("tenge", "tenge", "", ""),
    "\u20a1": ("colon", "colones", "", ""),
}
_OF = {
    "US": "u. s.", "CA": "canadian", "C": "canadian", "AU": "australian", "A":
    "australian", "NZ": "new zealand", "HK": "hong kong", "S": "singapore", "NT":
    "taiwan",
}  # fmt: skip
_PESO = ("peso", "pesos", "centavo", "centavos")
_REAL = ("real", "reais", "centavo", "centavos")
_OF_LETTERS = {"R$": _REAL, "MX$": ("mexican peso", "mexican pesos", "", "")}
_BY_NAME = {
    "zl": ("zloty", "zlotys", "grosz", "groszy"),
    "kr": ("krona", "kronor", "", ""),
    "kr.": ("krona", "kronor", "", ""),
    "Kc": ("koruna", "korunas", "", ""),
    "Rs": ("rupee", "rupees", "paisa", "paise"),
    "Rs.": ("rupee", "rupees", "paisa", "paise"),
}
CODES = {
    "USD": ("u. s. dollar", "u. s. dollars", "cent", "cents"),
    "CAD": ("canadian dollar", "canadian dollars", "cent", "cents"),
    "AUD": ("australian dollar", "australian dollars", "cent", "cents"),
    "NZD": ("new zealand dollar", "new zealand dollars", "cent", "cents"),
    "HKD": ("hong kong dollar", "hong kong dollars", "cent", "cents"),
    "SGD": ("singapore dollar", "singapore dollars", "cent", "cents"),
    "EUR": MONEY["\u20ac"],
    "GBP": MONEY["\u00a3"],
    "JPY": MONEY["\u00a5"],
    "CNY": ("yuan", "yuan", "", ""),
    "RMB": ("yuan", "yuan", "", ""),
    "INR": MONEY["\u20b9"],
    "KRW": MONEY["\u20a9"],
    "BTC": MONEY["\u20bf"],
    "CHF": ("swiss franc", "swiss francs", "centime", "centimes"),
    "SEK": ("swedish krona", "swedish kronor", "", ""),
    "NOK": ("norwegian krone", "norwegian kroner", "", ""),
    "DKK": ("danish krone", "danish kroner", "", ""),
    "PLN": _BY_NAME["zl"],
    "CZK": _BY_NAME["Kc"],
    "HUF": ("forint", "forints", "", ""),
    "RUB": MONEY["\u20bd"],
    "TRY": MONEY["\u20ba"],
    "UAH": MONEY["\u20b4"],
    "ILS": MONEY["\u20aa"],
    "BRL": _REAL,
    "MXN": ("mexican peso", "mexican pesos", "", ""),
    "PHP": _PESO,
    "THB": MONEY["\u0e3f"],
    "VND": MONEY["\u20ab"],
    "NGN": MONEY["\u20a6"],
    "ZAR": ("rand", "rand", "cent", "cents"),
    "AED": ("dirham", "dirhams", "", ""),
    "SAR": ("riyal", "riyals", "", ""),
    "IDR": ("rupiah", "rupiah", "", ""),
    "MYR": ("ringgit", "ringgit", "sen", "sen"),
}  # fmt: skip
SIGNS = "".join(MONEY)

_Names = tuple[str, str, str, str]


def _names(sign: str) -> _Names:
    """Names of a currency as it is written: $, US$, zl, USD."""
    if sign in MONEY:
        return MONEY[sign]
    for table in (CODES, _BY_NAME, _OF_LETTERS):
        if sign in table:
            return table[sign]
    of = _OF[sign[:-1]]
    return (f"{of} dollar", f"{of} dollars", "cent", "cents")


def _money(m: re.Match[str]) -> Spoken | None:
    names = _names(m["sign"])
    lead = ["minus"] if m["minus"] or m.groupdict().get("below") else []
    words = lead + amount(names, m["amount"], m["magnitude"])
    one, many = names[0].split(), names[1].split()
    if describes(m) and words[-len(many) :] == many:
        words[-len(many) :] = one
    return words


def _money_range(m: re.Match[str]) -> Spoken | None:
    names = _names(m["sign"])
    second = amount(names, m["second"], m["magnitude2"])
    shared = m["magnitude2"] and not m["magnitude"]  # $1.2-1.5M
    if not shared and ("." in m["first"] or m["magnitude"]):
        return [*amount(names, m["first"], m["magnitude"]), "to", *second]
    return [*decimal(m["first"]), "to", *second]


def amount(names: _Names, number: str, magnitude: str | None) -> Spoken:
    """An amount with the names of its currency, e.g. five dollars and ten cents."""
    one, many, cent, cents = names
    number = number.replace(",", "")
    if magnitude:
        return [*decimal(number), MAGNITUDES[magnitude], *many.split()]
    whole, _, part = number.partition(".")
    whole = whole or "0"
    if part and (len(part) != 2 or not cents):
        return [*decimal(number), *many.split()]
    words: Spoken = []
    if int(whole) or not part or not int(part):
        words = [*whole_number(whole), *(one if whole == "1" else many).split()]
    if part and int(part):
        joint = ["and"] if words else []
        words += [*joint, *cardinal(int(part)), cent if part == "01" else cents]
    return words


_MAGNITUDE = rf"(?:[ -]?(?P<magnitude>{'|'.join(MAGNITUDES)})\b)?"
_LETTERED = "|".join([*(f"{name}\\$" for name in _OF), "R\\$", "MX\\$"])
_SIGN = rf"(?P<sign>{_LETTERED}|[{SIGNS}])"
_CODE = "|".join(CODES)
_NAME = "|".join(re.escape(name) for name in sorted(_BY_NAME, key=len, reverse=True))

MONEY_PATTERNS: tuple[tuple[str, Rule], ...] = (
    (
        rf"{_SIGN} ?(?P<first>{NUMBER}){_MAGNITUDE} ?- ?(?P=sign)?"
        rf"(?P<second>{NUMBER}){_MAGNITUDE.replace('magnitude', 'magnitude2')}"
        r"(?![\d-])",
        _money_range,
    ),
    (
        rf"(?P<minus>-)?{_SIGN} ?(?P<below>-)?(?P<amount>{NUMBER}){_MAGNITUDE}",
        _money,
    ),
    (
        rf"(?P<minus>(?<![\w.)])-)?(?P<amount>{NUMBER}){_MAGNITUDE}"
        rf" ?(?P<sign>[{SIGNS.replace('$', '')}](?! ?\d)|(?:{_CODE}|{_NAME})(?!\w))"
        r"(?:(?<=kr)\.(?= [a-z]))?",
        _money,
    ),
    (
        rf"(?P<minus>(?!))?(?P<sign>{_CODE}|zl|R[sS]\.?) ?(?P<amount>{NUMBER})"
        rf"{_MAGNITUDE}",
        _money,
    ),
)  # fmt: skip
