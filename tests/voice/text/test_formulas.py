"""LaTeX is read as what it means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.voice.text.test_written import said
from voiceserver.voice.text.formulas import replacements


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (r"\frac{a+b}{2}", "A plus B over two"),
        (r"$\frac{1}{2}mv^2$", "one half M V squared"),
        (r"\(a \neq b\)", "A is not B"),
        (r"$\sum_{i=1}^{n} i$", "the sum from I equals one to N of i"),
        (r"$x^{n+1}$", "X to the N plus one"),
        (r"$90^\circ$", "ninety degrees"),
        (r"5\% of \$20", "five percent of twenty dollars"),
        (r"C:\temp\times", "C temp times"),
    ],
)
def test_formulas(text: str, words: str) -> None:
    """Commands, fractions, bounds, powers; a path of Windows is none."""
    assert said(text) == words


_PARTS = (r"\frac \sqrt { } _ ^ $ $$ \( \) \[ \] \int \sum \lim x 1 ab \text \, \\ "
          r"\alpha \circ +").split(" ")  # fmt: skip


@given(st.lists(st.sampled_from(_PARTS), max_size=14).map("".join))
def test_half_written_formulas_replace_only_what_is_there(text: str) -> None:
    """No brace and no end need to come."""
    assert all(0 <= index < len(text) for index in replacements(text))
