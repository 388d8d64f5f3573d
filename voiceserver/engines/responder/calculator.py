"""Works out expressions, exactly and within bounds, and writes results for the ear.

Expressions go through Python's parser and an evaluator that knows a handful of node
types and exact fractions; nothing in them can run. Knows nothing of spoken sums.
"""

from __future__ import annotations

import ast
import math
from fractions import Fraction

LONGEST = 1200  # characters of an expression
MAX_BITS = 2048  # of any number on the way
LARGEST = 10**15  # that is worth saying aloud


class NoResult(ValueError):
    """A sum without a result that can be said; the text says why, kindly."""


def evaluate(expression: str) -> Fraction:
    """Evaluate an expression of numbers, ``+ - * / **``, ``sqrt`` and ``cbrt``.

    Raises:
        NoResult: If it has no result, is too large, or holds anything else.
    """
    if len(expression) > LONGEST:
        raise NoResult("That sum is too long for me.")
    try:
        return _value(ast.parse(expression, mode="eval").body)
    except ZeroDivisionError:
        raise NoResult("I cannot divide by zero, nobody can.") from None
    except (OverflowError, RecursionError, MemoryError):
        raise NoResult("That number is too large for me.") from None
    except SyntaxError:
        raise NoResult("I cannot work that out.") from None


def _value(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(
            number, bool
        ):
            if not math.isfinite(number):
                raise OverflowError
            value = Fraction(str(number))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = -_value(operand)
        case ast.BinOp(left=left, op=operator, right=right):
            value = _operate(operator, _value(left), _value(right))
        case ast.Call(func=ast.Name(id="sqrt"), args=[operand], keywords=[]):
            value = _square_root(_value(operand))
        case ast.Call(func=ast.Name(id="cbrt"), args=[operand], keywords=[]):
            value = _cube_root(_value(operand))
        case _:
            raise NoResult("I cannot work that out.")
    if _bits(value) > MAX_BITS:
        raise OverflowError
    return value


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _operate(operator: ast.operator, left: Fraction, right: Fraction) -> Fraction:
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.Pow():
            return _raise(left, right)
        case _:
            raise NoResult("I cannot work that out.")


def _raise(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator == 1:
        # Refused before it is worked out: 9 ** 9 ** 9 would take for ever.
        if abs(exponent) * _bits(base) > MAX_BITS:
            raise OverflowError
        return base ** int(exponent)
    if base < 0:
        raise NoResult("That has no real result.")
    return Fraction(float(base) ** float(exponent))


def _square_root(value: Fraction) -> Fraction:
    if value < 0:
        raise NoResult("A negative number has no real square root.")
    root = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
    return root if root * root == value else Fraction(math.sqrt(value))


def _cube_root(value: Fraction) -> Fraction:
    root = Fraction(math.cbrt(value))
    whole = Fraction(round(root))
    return whole if whole**3 == value else root


def say_number(value: Fraction) -> str:
    """Write a number as it is said: digits, at most four decimals, "about" if cut.

    Raises:
        NoResult: If it is too large to be said.
    """
    if abs(value) >= LARGEST:
        raise NoResult("That number is too large for me to say.")
    rounded = round(value, 4)
    # Roots are floats: a difference below their precision is none.
    exact = abs(value - rounded) <= abs(value) / 10**12
    if not rounded and value:
        return "almost zero"
    numeral = f"{float(abs(rounded)):,.4f}".rstrip("0").rstrip(".")
    if abs(rounded) < 10_000:
        numeral = numeral.replace(",", "")
    sign = "minus " if rounded < 0 else ""
    return f"{'' if exact else 'about '}{sign}{numeral}"
