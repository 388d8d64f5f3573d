# ruff: noqa: RUF001 (look-alikes are what is tested)
"""Whatever is written, the front end reads it: neither it nor a rule of it fails."""

from __future__ import annotations

import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voiceserver.phrases import PhraseSplitter
from voiceserver.voice.text import normalise as front_end
from voiceserver.voice.text.normalise import MARKS, normalise

_PARTS = (
    "0 1 7 07 12 99 100 911 1,000 12,345 1900 1984 2026 12345 4111 304817 18.5 9.30 .5"
    " 5. 3.14 0.001 1e9 1.5e-3 ½ 1½ ² m² ③ ٣ 1/2 3/12 120/80 10:30 25:61 10:30:15 1st"
    " 12ths 80s 747s '90s 30s $5 $1.4 £.50 ₹500 5% 5k 7M 12B 5bn 4090Ti 98.6F 1080p"
    " 2h 15m 30s 5km °C -40° 5'10\" 3x MP3 v1.2 1.2.3 192.168.0.1 2024-02-30 2020-12"
    " 05.03.2024 555-1234 +44 I IV XIV Jan May 5-Mar am p.m. AM GMT UTC NASA FBI the a"
    " http://x.com/m² ~/m² a@b.co file².txt page St Dr. No. C# \\frac{7}{10} √ π ≤ ℃ Ω"
    " - – — / : x × + = * ** _ ` ``` ^ < > ~ % & @ # ( ) [ ] | \\ \n \n\n $ $$ . , ? !"
    " &amp; :) 8) ;-) \u00ad \u200b \ud800 \x00 é ß 日本 😀"
).split(" ")
_TEXT = st.lists(
    st.tuples(st.sampled_from(_PARTS), st.sampled_from(["", "", " ", "-"])), max_size=12
).map(lambda parts: "".join(part + gap for part, gap in parts))


@settings(
    max_examples=1500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(_TEXT)
def test_no_rule_fails(caplog: pytest.LogCaptureFixture, text: str) -> None:
    """Numbers, signs and units side by side as nobody would write them."""
    caplog.clear()
    with caplog.at_level(logging.ERROR):
        tokens = normalise(text).tokens
    assert not caplog.records
    assert all(0 <= t.start < t.end <= len(text) for t in tokens)
    assert all(t.is_mark or t.text.replace("'", "").isalpha() for t in tokens)
    assert all(t.text in MARKS or t.text.islower() for t in tokens)


@pytest.mark.parametrize(
    "text",
    ["A healthy BMI is 18.5-24.9.", "9.30-5.30", "3.14-2", "~/m²", "http://x.com/m²"],
)
def test_ranges_of_decimals_and_raised_digits_are_read(text: str) -> None:
    """Each of them once cost a whole reply."""
    assert len(normalise(text).words) > 2


def test_a_word_that_fails_is_read_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the front end can silence what comes after it."""

    def fail(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(front_end, "_special", fail)
    assert " ".join(normalise("Dr. Who has 2 cats").words) == "dr who has cats"


@settings(
    max_examples=600,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.text(max_size=60))
def test_any_character_is_read_or_left_out(
    caplog: pytest.LogCaptureFixture, text: str
) -> None:
    """All of Unicode, half surrogates included."""
    caplog.clear()
    with caplog.at_level(logging.ERROR):
        tokens = normalise(text).tokens
    assert not caplog.records
    assert all(0 <= t.start < t.end <= len(text) for t in tokens)
    assert all(t.text in MARKS or t.text.replace("'", "").isalpha() for t in tokens)


_WORDS = "river stone window garden silver winter morning letter bottle market".split()
# Signs that people and models put beside words; none that begins code or an address.
_SIGNS = (
    "* ** _ __ ~ ~~ # ## > >> < <= >= - -- + = ( ) [ ] { } | || & % @ ! ? . , ; : \" '"
    " / \\ \\( \\) $ $5 ^ ^2 1 2. 3) 12 1/2 5' 6\" 3, 1,5 1.000 … — – • → ≤ √ ½ € ★"
    " 😀 \n \n\n \n- \n> \n# \n1. <b> </b> <br/> &amp; &lt; II A I x y -x 5kg 7pm #1 @a"
    " 24/7 Dr. St vs."
).split(" ")
_PROSE = st.lists(
    st.tuples(
        st.sampled_from(_WORDS),
        st.lists(st.sampled_from(_SIGNS), max_size=2),
        st.sampled_from([" ", " ", "  "]),
        st.booleans(),
    ),
    min_size=1,
    max_size=10,
)


def _written(parts: list[tuple[str, list[str], str, bool]]) -> tuple[str, list[str]]:
    text = ""
    for word, signs, gap, behind in parts:
        text += gap
        for part in [word, *signs] if behind else [*signs, word]:
            joins = text[-1:].isalnum() or text[-1:] == "'"
            text += " " if joins and part[0].isalnum() else ""
            text += part
    return text.replace("](", "] (").replace("</", "< /"), [part[0] for part in parts]


@settings(max_examples=1500, deadline=None)
@given(_PROSE, st.lists(st.integers(0, 200), max_size=8))
def test_every_word_of_prose_is_said(
    parts: list[tuple[str, list[str], str, bool]], cuts: list[int]
) -> None:
    """Whatever signs stand round them and wherever the stream is cut: in order."""
    text, words = _written(parts)
    splitter = PhraseSplitter()
    ends = sorted({min(cut, len(text)) for cut in cuts} | {len(text)})
    phrases, start = [], 0
    for end in ends:
        phrases += splitter.push(text[start:end])
        start = end
    phrases += splitter.flush()
    spoken = [w for phrase in phrases for w in normalise(phrase.text).words]
    heard = [w for w in spoken if w in words]
    # What opens a code block by chance is told as left out.
    assert heard == words or splitter.left_out
