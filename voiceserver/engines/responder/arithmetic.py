"""Sums: from words to an expression, and from its value to a sentence.

Spoken, typed and slightly misheard sums are read; what is not wholly a sum is left
alone (``None``). Working the expression out is ``calculator``'s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from voiceserver.engines.responder.calculator import NoResult, evaluate, say_number
from voiceserver.engines.responder.numbers import read
from voiceserver.engines.responder.words import read_back

LONGEST = 60  # tokens of a sum
DEEPEST = 10  # nested parentheses

_TOKEN = re.compile(
    r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+|[a-z]+(?:'[a-z]+)*"
    r"|\*\*|[-+*/^%()=\u00d7\u00f7\u2212]",
    re.ASCII,
)
_BEFORE = frozenset(
    "what what's whats is are how how's much many does calculate compute work out "
    "evaluate the result answer to of and so tell me do you know can could would "
    "please hey hi hello okay ok well um uh now then was figure i'd like".split()
)
_AFTER = frozenset("equal equals make makes is be please thanks thank you =".split())
_OPERATORS: dict[tuple[str, ...], tuple[str, str]] = {
    ("plus",): ("+", "plus"),
    ("+",): ("+", "plus"),
    ("added", "to"): ("+", "plus"),
    ("minus",): ("-", "minus"),
    ("-",): ("-", "minus"),
    ("\u2212",): ("-", "minus"),
    ("take", "away"): ("-", "minus"),
    ("multiplied", "by"): ("*", "times"),
    ("times",): ("*", "times"),
    ("time",): ("*", "times"),  # misheard
    ("x",): ("*", "times"),
    ("*",): ("*", "times"),
    ("\u00d7",): ("*", "times"),
    ("divided", "by"): ("/", "divided by"),
    ("divide", "by"): ("/", "divided by"),
    ("over",): ("/", "divided by"),
    ("/",): ("/", "divided by"),
    ("\u00f7",): ("/", "divided by"),
    ("to", "the", "power", "of"): ("**", "to the power of"),
    ("to", "the", "power"): ("**", "to the power of"),
    ("**",): ("**", "to the power of"),
    ("^",): ("**", "to the power of"),
}
_FUNCTIONS = {
    ("square", "root", "of"): ("sqrt", "the square root of"),
    ("square", "root"): ("sqrt", "the square root of"),
    ("cube", "root", "of"): ("cbrt", "the cube root of"),
}
_POWERS = {"squared": ("** 2", "squared"), "cubed": ("** 3", "cubed")}
_SHARES = {
    ("half", "of"): ("0.5", "half of"),
    ("a", "half", "of"): ("0.5", "half of"),
    ("half",): ("0.5", "half of"),
    ("a", "third", "of"): ("1 / 3", "a third of"),
    ("a", "quarter", "of"): ("0.25", "a quarter of"),
}
# verb: (word between the operands, operator, operands change places)
_VERBS = {
    ("add", "and"): ("+", False),
    ("add", "to"): ("+", False),
    ("sum", "and"): ("+", False),
    ("subtract", "from"): ("-", True),
    ("difference", "and"): ("-", False),
    ("multiply", "by"): ("*", False),
    ("multiply", "and"): ("*", False),
    ("multiply", "times"): ("*", False),
    ("product", "and"): ("*", False),
    ("divide", "by"): ("/", False),
}
_SPOKEN_OPERATORS = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}
# What recognisers write for a digit; believed only where an operand must stand.
_MISHEARD = {
    "to": "2",
    "too": "2",
    "tu": "2",
    "for": "4",
    "fore": "4",
    "won": "1",
    "ate": "8",
    "tree": "3",
    "free": "3",
    "sicks": "6",
    "tan": "10",
}


def answer(text: str) -> str | None:
    """Answer a sum in one sentence; None if the text is not wholly a sum."""
    parsed = parse(text)
    if parsed is None:
        return None
    expression, sentence = parsed
    try:
        value = evaluate(expression)
        result = say_number(value)
    except NoResult as reason:
        return str(reason)
    # Cannot be said without being misunderstood; or would be long.
    if "(" in sentence or not read_back(sentence.split(), LONGEST)[1]:
        return f"That is {result}."
    return f"{sentence[0].upper()}{sentence[1:]} is {result}."


def parse(text: str) -> tuple[str, str] | None:
    """Read a sum.

    Returns:
        The sum as an expression for ``evaluate``, and as it is said; None if the
        text is not wholly a sum or has no operator.
    """
    tokens = _TOKEN.findall(text.lower().replace("\u2019", "'"))
    while tokens and tokens[-1] in _AFTER:
        tokens.pop()
    if len(tokens) > LONGEST:
        return None
    start = 0
    while True:
        sum_ = _Sum(tokens, start)
        if sum_.read():
            return " ".join(sum_.expression), " ".join(sum_.said)
        if start >= len(tokens) or tokens[start] not in _BEFORE:
            return None
        start += 1


class _Sum:
    """A sum being read from left to right."""

    def __init__(self, tokens: Sequence[str], at: int) -> None:
        self._tokens = tokens
        self._at = at
        self._depth = 0
        self._operators = 0
        self.expression: list[str] = []
        self.said: list[str] = []

    def read(self) -> bool:
        """Read all tokens; False if they are not a sum."""
        whole = self._verb_form() or self._chain()
        return whole and self._at == len(self._tokens) and self._operators > 0

    def _take(self, *words: str) -> bool:
        end = self._at + len(words)
        if tuple(self._tokens[self._at : end]) != words:
            return False
        self._at = end
        return True

    def _write(self, expression: str, said: str) -> None:
        self.expression.append(expression)
        self.said.append(said)

    def _verb_form(self) -> bool:
        """E.g. "add two and three", "subtract two from ten"."""
        if self._at >= len(self._tokens):
            return False
        start, verb = self._at, self._tokens[self._at]
        for (name, between), (operator, swapped) in _VERBS.items():
            self._at = start
            if name != verb:
                continue
            self._at += 1
            self._take("of") or self._take("between")
            first, second = self._operand_alone(), self._take(between)
            other = self._operand_alone() if first and second else None
            if first is None or other is None:
                continue
            left, right = (other, first) if swapped else (first, other)
            said = _SPOKEN_OPERATORS[operator]
            self.expression = [left, operator, right]
            self.said = [_aloud(left), said, _aloud(right)]
            self._operators = 1
            if operator != "+" or self._more_to_add():
                return True
        self._at = start
        return False

    def _more_to_add(self) -> bool:
        while self._take("and"):
            operand = self._operand_alone()
            if operand is None:
                return False
            self._write("+", "plus")
            self._write(operand, _aloud(operand))
        return True

    def _operand_alone(self) -> str | None:
        found = read(self._tokens, self._at)
        if found is None:
            return None
        value, self._at = found
        return _numeral(value)

    def _chain(self) -> bool:
        """Operands with operators between them."""
        if not self._operand():
            return False
        while operator := self._match(_OPERATORS):
            self._operators += 1
            self._write(*operator)
            if not self._operand():
                return False
        return True

    def _match(
        self, table: dict[tuple[str, ...], tuple[str, str]]
    ) -> tuple[str, str] | None:
        for words, meaning in table.items():
            if self._take(*words):
                return meaning
        return None

    def _operand(self) -> bool:
        if self._take("minus") or self._take("negative") or self._take("-"):
            self._write("-", "minus")
        self._take("the")
        if function := self._match(_FUNCTIONS):
            self._operators += 1
            name, said = function
            self._write(f"{name}(", said)
            inner = self._operand()
            self.expression.append(")")
            return inner
        if self._take("("):
            return self._parenthesis()
        if share := self._share():
            self._operators += 1
            self._write(f"({share[0]}) *", share[1])
            return self._operand()
        return self._number()

    def _share(self) -> tuple[str, str] | None:
        start = self._at
        share = self._match(_SHARES)
        # "half plus one" is a number and an operator.
        if share and read(self._tokens, self._at) is None:
            self._at, share = start, None
        return share

    def _parenthesis(self) -> bool:
        self._depth += 1
        if self._depth > DEEPEST:
            return False
        self._write("(", "(")
        whole = self._chain() and self._take(")")
        self._write(")", ")")
        self._depth -= 1
        return whole and self._power()

    def _number(self) -> bool:
        found = read(self._tokens, self._at)
        if found is not None:
            value, self._at = found
            numeral = _numeral(value)
        elif self._operators and self._at < len(self._tokens):
            numeral = _MISHEARD.get(self._tokens[self._at], "")
            self._at += 1
        else:
            return False
        if not numeral:
            return False
        if self._take("percent") or self._take("per", "cent") or self._take("%"):
            return self._percent(numeral)
        self._write(numeral, _aloud(numeral))
        return self._power()

    def _percent(self, numeral: str) -> bool:
        self._operators += 1
        if not (self._take("of") or self._take("off")):
            self._write(f"({numeral} / 100)", f"{_aloud(numeral)} percent")
            return True
        self._write(f"({numeral} / 100) *", f"{_aloud(numeral)} percent of")
        return self._operand()

    def _power(self) -> bool:
        for word, (expression, said) in _POWERS.items():
            if self._take(word):
                self._operators += 1
                self._write(expression, said)
        return True


def _numeral(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _aloud(numeral: str) -> str:
    """A numeral as ``say_number`` writes it."""
    whole, point, decimals = numeral.partition(".")
    return f"{int(whole):,}{point}{decimals}" if len(whole) > 4 else numeral
