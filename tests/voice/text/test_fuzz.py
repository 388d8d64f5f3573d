# ruff: noqa: RUF001 (look-alikes are what is tested)
"""Whatever is written, the front end reads it: neither it nor a rule of it fails."""

from __future__ import annotations

import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
