"""What say-as asks for outranks what the text looks like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.files.say_as import READINGS, say_as


@pytest.mark.parametrize(
    ("kind", "format_", "text", "said"),
    [
        ("telephone", "", "2025550143",
         "two oh two, five five five, oh one four three"),
        ("telephone", "", "+44 20 7946", "plus four four, two oh, seven nine four six"),
        ("telephone", "", "555-1234 x12",
         "five five five, one two three four, extension one two"),
        ("telephone", "1", "911", "nine one one"),
        ("date", "dmy", "03/05/2024", "may third, twenty twenty four"),
        ("date", "mdy", "03/05/2024", "march fifth, twenty twenty four"),
        ("date", "yyyymmdd", "20240305", "march fifth, twenty twenty four"),
        ("date", "ymd", "2024-03-05", "march fifth, twenty twenty four"),
        ("date", "", "20240305", "march fifth, twenty twenty four"),
        ("date", "md", "9/11", "september eleventh"),
        ("date", "my", "3/2024", "march twenty twenty four"),
        ("date", "y", "1905", "nineteen oh five"),
        ("date", "dmy", "5 Mar 99", "march fifth, nineteen ninety nine"),
        ("date", "dmy", "40/40/2024", "40/40/2024"),
        ("cardinal", "", "1984", "one thousand nine hundred eighty four"),
        ("cardinal", "", "-12,345.6",
         "minus twelve thousand three hundred forty five point six"),
        ("cardinal", "", "XIV", "fourteen"),
        ("number", "ordinal", "3", "3rd"),
        ("ordinal", "", "112", "112th"),
        ("ordinal", "", "IV", "fourth"),
        ("digits", "", "1,984", "1 9 8 4"),
        ("characters", "", "a-1@B", "A dash 1 at B"),
        ("spell-out", "", "hello", "H E L L O"),
        ("fraction", "", "9/11", "nine elevenths"),
        ("fraction", "", "2+3/8", "two and three eighths"),
        ("fraction", "", "1½", "one and a half"),
        ("time", "hms12", "2:30pm", "two thirty P M"),
        ("time", "hms24", "1430", "fourteen thirty"),
        ("time", "", "1'21\"", "one minute twenty one seconds"),
        ("time", "duration", "1:02:03", "one hour two minutes three seconds"),
        ("currency", "", "USD42.01", "forty two U S dollars and one cent"),
        ("currency", "EUR", "3.50", "three euros and fifty cents"),
        ("unit", "", "5A", "five amps"),
        ("unit", "", "1 N", "one newton"),
        ("unit", "", "20C", "twenty degrees celsius"),
        ("address", "", "150 N Elm CT, Apt 204",
         "one fifty north Elm court, Apt two oh four"),
        ("address", "", "1600 St Paul Ave, 20500",
         "sixteen hundred St Paul avenue, two oh five oh oh"),
    ],
)  # fmt: skip
def test_readings(kind: str, format_: str, text: str, said: str) -> None:
    """Words, or the text itself where it is not what it is said to be."""
    assert say_as(kind, format_, text) == said


@given(st.sampled_from(sorted(READINGS)), st.sampled_from(["", "dmy", "my", "EUR"]),
       st.text(max_size=20)
       | st.from_regex(r"[\d/:.,'\" +-]{0,14}[a-zA-Z]{0,3}"))  # fmt: skip
def test_no_text_fails(kind: str, format_: str, text: str) -> None:
    """Whatever an element holds, something is read."""
    assert isinstance(say_as(kind, format_, text), str)
