# ruff: noqa: RUF001 (the multiplication sign is meant)
"""Formulas of LaTeX as characters and words that the normaliser reads.

Commands become their words or signs, fractions their stroke or "over", braces and
delimiters nothing; letters that stand together in a formula are names of their own.
Gives replacements by index, so that the caller knows where each word came from. Knows
nothing of numbers.
"""

from __future__ import annotations

import re

from voiceserver.voice.text.numbers import fraction

_NUMBER = re.compile(r"[0-9]{1,9}")
_SIGNS = {
    "leq": "≤", "le": "≤", "leqslant": "≤", "geq": "≥", "ge": "≥", "geqslant": "≥",
    "neq": "≠", "ne": "≠", "times": "×", "cdot": "×", "ast": "×", "div": "÷",
    "approx": "≈", "sim": "≈", "pm": "±",
}  # fmt: skip
_WORDS = {
    "equiv": "is equivalent to", "propto": "is proportional to", "pm":
    "plus or minus", "mp": "minus or plus", "sqrt": "square root of", "infty":
    "infinity", "to": "to", "rightarrow": "to", "mapsto": "maps to", "implies":
    "implies", "Rightarrow": "implies", "iff": "if and only if", "sum": "the sum",
    "prod": "the product", "int": "the integral", "lim": "the limit", "in": "in",
    "notin": "not in", "cup": "union", "cap": "intersection", "subset": "subset of",
    "subseteq": "subset of", "emptyset": "the empty set", "forall": "for all", "exists":
    "there exists", "partial": "partial", "nabla": "nabla", "degree": "degrees", "circ":
    "degrees", "ldots": "and so on", "dots": "and so on", "cdots": "and so on", "mid":
    "given", "angle": "angle", "perp": "perpendicular to", "parallel": "parallel to",
    "land": "and", "lor": "or", "neg": "not", "lt": "less than", "gt": "greater than",
    "mod": "mod", "bmod": "mod", "pmod": "mod", "text": "", "textbf": "", "textit": "",
    "mathrm": "", "mathbf": "", "mathbb": "", "mathcal": "", "operatorname": "", "left":
    "", "right": "", "big": "", "Big": "", "boxed": "", "quad": "", "qquad": "",
    "displaystyle": "", "begin": "", "end": "", "hat": "", "vec": "vector", "bar": "",
    "overline": "", "boldsymbol": "", "limits": "", "sin": "sine", "cos": "cosine",
    "tan": "tangent", "log": "log", "ln": "natural log", "exp": "exp", "min": "min",
    "max": "max", "det": "determinant", "therefore": "therefore", "hline": "",
}  # fmt: skip
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron"
    " pi rho sigma tau upsilon phi chi psi omega"
).split()
_COMMAND = re.compile(r"\\(?P<name>[A-Za-z]{1,14})(?![A-Za-z])")
_BOUNDED = re.compile(
    r"\\(?:int|sum|prod|lim)[_ ] ?(?:\{[^{}]{1,60}\}"
    r"|\\?\w{1,6})(?:\^(?:\{[^{}]{1,60}\}|\\?\w{1,6}))?"
)
_FRACTION = re.compile(r"\\[dtc]?frac *\{")
_ESCAPED = re.compile(r"\\(?=[!-/:-@\[-`{-~])")
_SPACE = re.compile(r"\\[,;:! ]|\\\\")
_INSIDE = re.compile(
    r"\\\((?P<round>.{1,400}?)\\\)|\\\[(?P<square>.{1,800}?)\\\]"
    r"|(?<!\$)(?P<sign>\${1,2})(?=[^$\n]{0,200}[\\^=_{])(?P<dollar>[^$\n]{1,200})(?P=sign)"
    r"(?![\d$])",
    re.DOTALL,
)
_LETTERS = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,3}(?![A-Za-z{])")
_FUNCTIONS = frozenset(
    "sin cos tan log exp lim max min mod det and for if let so".split()
)
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|operatorname)\{[^{}]{0,80}\}")
_POWER = re.compile(r"\^\{(?P<inner>[^{}]{1,40})\}")
_SIMPLE = re.compile(r"-?\d{1,9}|[A-Za-z]|\\circ")
_DRIVE = re.compile(r"(?<![A-Za-z])[A-Za-z]:\\\S{0,200}")


def replacements(text: str) -> dict[int, str]:
    """What stands in the place of characters of formulas, by their index."""
    if "\\" not in text and "$" not in text:
        return {}
    out: dict[int, str] = {}
    paths = [m.span() for m in _DRIVE.finditer(text)]
    for m in _INSIDE.finditer(text):
        _inside(text, m, out)
    for m in _FRACTION.finditer(text):
        _fraction(text, m, out)
    for m in _SPACE.finditer(text):
        _blank(out, m.start(), m.end(), " , " if m.group() == "\\\\" else " ")
    for m in _ESCAPED.finditer(text):
        out.setdefault(m.start(), "")
    for m in _BOUNDED.finditer(text):
        _bounds(text, m, out)
    for m in _COMMAND.finditer(text):
        if not any(start <= m.start() < end for start, end in paths):
            _command(m, out)
    for m in re.finditer(r"\^(?=\\circ|\{\\circ\}|\\degree)", text):
        out[m.start()] = ""
    return {} if not out else {i: s for i, s in out.items() if not _in_any(i, paths)}


def _in_any(index: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= index < end for start, end in spans)


def _blank(out: dict[int, str], start: int, end: int, instead: str = "") -> None:
    for index in range(start, end):
        out.setdefault(index, "")
    out[start] = instead


def _inside(text: str, m: re.Match[str], out: dict[int, str]) -> None:
    """Delimiters, braces and the letters of a formula that is marked as one."""
    group = "round" if m["round"] else "square" if m["square"] else "dollar"
    start, end = m.span(group)
    _blank(out, m.start(), start, " ")
    _blank(out, end, m.end(), " ")
    words = [n.span() for n in _TEXT.finditer(text, start, end)]
    for power in _POWER.finditer(text, start, end):
        if not _SIMPLE.fullmatch(power["inner"]):
            out[power.start()] = " to the "
        elif not power["inner"].startswith("\\"):
            continue
        _blank(out, power.start() + 1, power.start() + 2)
        _blank(out, power.end() - 1, power.end(), " ")
    simple = [
        n.span()
        for n in _POWER.finditer(text, start, end)
        if _SIMPLE.fullmatch(n["inner"])
    ]
    for index in range(start, end):
        if text[index] in "{}" and not _in_any(index, simple):
            out.setdefault(index, "")
        elif text[index] == "_" and not _in_any(index, words):
            follows = text[index + 1 : index + 3].lstrip("{")
            plain = follows[:1].isdigit() and text[index - 1] not in "aA"
            out.setdefault(index, " " if plain else " sub ")
    for letters in _LETTERS.finditer(text, start, end):
        if letters.group() in _FUNCTIONS or _in_any(letters.start(), words):
            continue
        for index in range(letters.start(), letters.end()):
            out[index] = f" {text[index]} "


def _fraction(text: str, m: re.Match[str], out: dict[int, str]) -> None:
    """Stroke of a fraction of numbers, the word between others; no brace is left."""
    first = _closing(text, m.end() - 1)
    if first is None or text[first + 1 : first + 2] != "{":
        return
    second = _closing(text, first + 1)
    if second is None:
        return
    top, bottom = text[m.end() : first], text[first + 2 : second]
    if _NUMBER.fullmatch(top) and _NUMBER.fullmatch(bottom) and int(bottom) > 1:
        for index in range(m.start(), second + 1):
            out[index] = ""
        out[m.start()] = f" {' '.join(fraction(int(top), int(bottom)))} "
        return
    _blank(out, m.start(), m.end(), " ")
    _blank(out, first, first + 2, " over ")
    _blank(out, second, second + 1, " ")


def _closing(text: str, at: int) -> int | None:
    depth = 0
    for index in range(at, min(len(text), at + 200)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return index
    return None


def _bounds(text: str, m: re.Match[str], out: dict[int, str]) -> None:
    """What an integral, a sum or a limit runs over."""
    of_limit = m.group().startswith("\\lim")
    for index in range(m.start() + 1, m.end()):
        char = text[index]
        if char in "_ " and index - m.start() < 6:
            out[index] = " as " if of_limit else " from "
        elif char == "^":
            out[index] = " to "
        elif char in "{}":
            out[index] = " "
    if not of_limit:
        out[m.end() - 1] = out.get(m.end() - 1, text[m.end() - 1]) + " of "


def _command(m: re.Match[str], out: dict[int, str]) -> None:
    name = m["name"]
    if name in _SIGNS:
        out[m.start()] = _SIGNS[name]
        out.update(dict.fromkeys(range(m.start() + 1, m.end()), ""))
        return
    if name.lower() in _GREEK or (name[:3] == "var" and name[3:] in _GREEK):
        words = name.removeprefix("var").lower()
    elif name in _WORDS:
        words = _WORDS[name]
    else:
        return
    # Always its own: a command may stand between two others without a space.
    for index in range(m.start(), m.end()):
        kept = out.get(index, "") if index == m.end() - 1 else ""
        out[index] = kept.strip() and f" {kept.strip()} " if index > m.start() else ""
    out[m.start()] = f" {words} " if words else ""
