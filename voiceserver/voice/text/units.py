"""Units of measurement: their symbols and how they are said.

Symbols are composed of prefixes and bases, so that a unit need not be listed to be
known. Data and its composition only; knows nothing of the text round a unit.

Source: The International System of Units, BIPM, 9th edition; tables 3, 4, 7 and 8.
"""

from __future__ import annotations

_PREFIXES = {
    "p": "pico", "n": "nano", "\u00b5": "micro", "m": "milli", "c": "centi",
    "d": "deci", "h": "hecto", "k": "kilo", "K": "kilo", "M": "mega", "G": "giga",
    "T": "tera", "P": "peta", "Ki": "kibi", "Mi": "mebi", "Gi": "gibi", "Ti": "tebi",
}  # fmt: skip
# Symbol, singular, plural ("" adds an s), the prefixes it takes; those marked "only"
# mean something else without one.
_BASES: tuple[tuple[str, str, str, str, bool], ...] = (
    ("m", "meter", "", "n\u00b5m c d k", True),
    ("g", "gram", "", "p n\u00b5m k", True),
    ("L", "liter", "", "p n\u00b5m c d", True),
    ("l", "liter", "", "n\u00b5m c d", True),
    ("s", "second", "", "p n\u00b5m", True),
    ("Hz", "hertz", "hertz", "m k M G T", True),
    ("W", "watt", "", "\u00b5m k M G T", True),
    ("Wh", "watt hour", "", "k M G T", True),
    ("J", "joule", "", "m k M G", False),
    ("Pa", "pascal", "", "h k M G", True),
    ("V", "volt", "", "\u00b5m k M", True),
    ("A", "amp", "", "n\u00b5m k", False),
    ("Ah", "amp hour", "", "m", True),
    ("N", "newton", "", "m k M", False),
    ("eV", "electron volt", "", "m k M G T", True),
    ("mol", "mole", "", "n\u00b5m k", True),
    ("F", "farad", "", "p n\u00b5m", False),
    ("\u03a9", "ohm", "", "m k M", True),
    ("Sv", "sievert", "", "\u00b5m", True),
    ("bit", "bit", "", "k K M G T", True),
    ("bps", "bit per second", "bits per second", "k K M G T", True),
    ("b", "bit", "", "k K M G T", False),
    ("B", "byte", "", "k K M G T P Ki Mi Gi Ti", False),
    ("cal", "calorie", "", "k", True),
    ("bar", "bar", "", "m", True),
    ("pc", "parsec", "", "k M", False),
)
_SQUARES = {"mm": "millimeter", "cm": "centimeter", "m": "meter", "km": "kilometer",
            "in": "inch", "ft": "foot", "yd": "yard", "mi": "mile"}  # fmt: skip
_MANY = {"inch": "inches", "foot": "feet"}
_LISTED = {
    "mi": ("mile", "miles"),
    "nmi": ("nautical mile", "nautical miles"),
    "ft": ("foot", "feet"),
    "yd": ("yard", "yards"),
    "yds": ("yard", "yards"),
    "ha": ("hectare", "hectares"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "fl oz": ("fluid ounce", "fluid ounces"),
    "fl. oz.": ("fluid ounce", "fluid ounces"),
    "gal": ("gallon", "gallons"),
    "qt": ("quart", "quarts"),
    "qts": ("quart", "quarts"),
    "tsp": ("teaspoon", "teaspoons"),
    "tsps": ("teaspoon", "teaspoons"),
    "tbsp": ("tablespoon", "tablespoons"),
    "tbsps": ("tablespoon", "tablespoons"),
    "tbs": ("tablespoon", "tablespoons"),
    "mcg": ("microgram", "micrograms"),
    "mpg": ("mile per gallon", "miles per gallon"),
    "mph": ("mile per hour", "miles per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "kmh": ("kilometer per hour", "kilometers per hour"),
    "kts": ("knot", "knots"),
    "kn": ("knot", "knots"),
    "m/s\u00b2": ("meter per second squared", "meters per second squared"),
    "m/s^2": ("meter per second squared", "meters per second squared"),
    "N*m": ("newton meter", "newton meters"),
    "Nm": ("newton meter", "newton meters"),
    "ft-lb": ("foot pound", "foot pounds"),
    "ft-lbs": ("foot pound", "foot pounds"),
    "sq. ft.": ("square foot", "square feet"),
    "mmHg": ("millimeter of mercury", "millimeters of mercury"),
    "mm Hg": ("millimeter of mercury", "millimeters of mercury"),
    "inHg": ("inch of mercury", "inches of mercury"),
    "atm": ("atmosphere", "atmospheres"),
    "psi": ("p s i", "p s i"),
    "hp": ("horsepower", "horsepower"),
    "dB": ("decibel", "decibels"),
    "dBA": ("decibel", "decibels"),
    "lx": ("lux", "lux"),
    "lm": ("lumen", "lumens"),
    "ppm": ("part per million", "parts per million"),
    "ppb": ("part per billion", "parts per billion"),
    "sec": ("second", "seconds"),
    "secs": ("second", "seconds"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"),
    "h": ("hour", "hours"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "wk": ("week", "weeks"),
    "wks": ("week", "weeks"),
    "mo": ("month", "months"),
    "mos": ("month", "months"),
    "yr": ("year", "years"),
    "yrs": ("year", "years"),
    "yo": ("year old", "years old"),
    "px": ("pixel", "pixels"),
    "MP": ("megapixel", "megapixels"),
    "pt": ("point", "points"),
    "pts": ("point", "points"),
    "fps": ("frame per second", "frames per second"),
    "rpm": ("revolution per minute", "revolutions per minute"),
    "bpm": ("beat per minute", "beats per minute"),
    "\u00b0C": ("degree celsius", "degrees celsius"),
    "\u00b0F": ("degree fahrenheit", "degrees fahrenheit"),
    "\u00b0K": ("degree kelvin", "degrees kelvin"),
    "\u00b0": ("degree", "degrees"),
    "x": ("times", "times"),
    "%": ("percent", "percent"),
}


def _composed() -> dict[str, tuple[str, str]]:
    units: dict[str, tuple[str, str]] = {}
    for symbol, one, many, prefixes, alone in _BASES:
        many = many or one + "s"
        if alone:
            units[symbol] = (one, many)
        spaced = prefixes.replace("n\u00b5m", "n \u00b5 m").replace(
            "\u00b5m", "\u00b5 m"
        )
        for prefix in spaced.split():
            name = _PREFIXES[prefix]
            units[prefix + symbol] = (name + one, name + many)
    for symbol, one in _SQUARES.items():
        many = _MANY.get(one, one + "s")
        for sign, name in (("\u00b2", "square"), ("\u00b3", "cubic")):
            units[symbol + sign] = (f"{name} {one}", f"{name} {many}")
            units[f"{symbol}^{'2' if name == 'square' else '3'}"] = units[symbol + sign]
        units[f"sq {symbol}"] = units[symbol + "\u00b2"]
        units[f"sq. {symbol}"] = units[symbol + "\u00b2"]
        units[f"cu {symbol}"] = units[symbol + "\u00b3"]
        units[f"cu. {symbol}"] = units[symbol + "\u00b3"]
    return {**units, **_LISTED}


# Singular and plural after a number. Case matters.
UNITS = _composed()
# What may be written in any case, since nothing else is spelled alike.
_LOWER = [name.lower() for name in UNITS]
ANY_CASE = {
    **{
        name.lower(): words
        for name, words in UNITS.items()
        if name.isalpha() and len(name) > 1 and _LOWER.count(name.lower()) == 1
    },
    **{name: UNITS[name.upper()] for name in ("kb", "mb", "gb", "tb")},
    "ml": UNITS["mL"],
    "cl": UNITS["cL"],
    "dl": UNITS["dL"],
    "in": ("inch", "inches"),
}
# Two letters that are read in any case even apart from their number: 5 KM, 16 Oz.
SAFE = frozenset("km cm mm kg mg ml ft oz lb gb mb tb kb hz yd".split())
# After a stroke that follows a number or its unit: $15/hr, 50 miles/hour.
PER = {
    "s": "second",
    "sec": "second",
    "min": "minute",
    "h": "hour",
    "hr": "hour",
    "d": "day",
    "wk": "week",
    "mo": "month",
    "yr": "year",
    "kg": "kilogram",
    "lb": "pound",
    "gal": "gallon",
    "sqft": "square foot",
    "ea": "each",
    **{
        word: word
        for word in (
            "second minute hour day night week month year person user mile pound "
            "gallon serving liter litre kilogram gram ounce seat page head"
        ).split()
    },
}
# What may stand below a unit's stroke: mg/dL, mg/kg/day.
BELOW = {
    **{name: one for name, (one, _) in UNITS.items() if name not in "x%\u00b0"},
    **PER,
}
