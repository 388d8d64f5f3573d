# ruff: noqa: RUF001 - IPA is what it is
"""SSML to passages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.errors import BadRequest
from voiceserver.files.ssml import DEEPEST, LONGEST_BREAK_S, Passage, is_ssml, parse


def speak(inner: str) -> tuple[Passage, ...]:
    return parse(f"<speak>{inner}</speak>")


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("<speak>Hi</speak>", True),
        ('  <?xml version="1.0"?>\n<speak version="1.1">Hi</speak>', True),
        ("<speaker>Hi</speaker>", False),
        ("Say <speak>.", False),
        ("", False),
    ],
)
def test_a_text_claims_to_be_ssml_by_its_first_tag(text: str, claims: bool) -> None:
    """Anything else is plain text."""
    assert is_ssml(text) is claims


def test_plain_text_inside_is_one_passage() -> None:
    """White space is no content."""
    assert speak("\n  Good   morning.\n ") == (Passage("Good morning."),)


def test_a_break_is_silence_after_what_was_said() -> None:
    """By time or by strength; several add up to a bound."""
    assert speak('One<break time="500ms"/>two') == (
        Passage("One", pause_s=0.5),
        Passage("two"),
    )
    assert speak('<break time="1.5s"/>two')[0] == Passage("", pause_s=1.5)
    assert speak('One<break strength="none"/>two')[0].pause_s == 0
    assert speak("One<break/>two")[0].pause_s == 0.4
    assert speak("One" + '<break time="9s"/>' * 9)[0].pause_s == LONGEST_BREAK_S


def test_prosody_adds_to_the_prosody_around_it() -> None:
    """And ends with its element."""
    one, two, three = speak(
        '<prosody rate="slow" pitch="+2st">a'
        '<prosody rate="+100%" pitch="low" volume="-6dB">b</prosody></prosody>c'
    )
    assert (one.speed, one.pitch, one.gain_db) == (0.75, 2.0, 0.0)
    assert (two.speed, two.pitch, two.gain_db) == (1.5, -0.5, -6.0)
    assert three == Passage("c")


def test_prosody_is_kept_within_what_can_be_spoken() -> None:
    """However deep it is nested."""
    inner = '<prosody rate="x-fast" pitch="x-high" volume="x-loud">' * 10
    (passage,) = speak(inner + "a" + "</prosody>" * 10)
    assert (passage.speed, passage.pitch, passage.gain_db) == (4.0, 12.0, 12.0)


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        ('<say-as interpret-as="characters">NaCl 2</say-as>', "N A C L 2"),
        ('<say-as interpret-as="digits">4711</say-as>', "4 7 1 1"),
        ('the <say-as interpret-as="ordinal">22</say-as> time', "the 22nd time"),
        ('<say-as interpret-as="ordinal">113</say-as>', "113th"),
        ('at <say-as interpret-as="time">9:10</say-as>', "at 9:10"),
        ('<sub alias="World Wide Web">WWW</sub> day', "World Wide Web day"),
        ("fish &amp; chips", "fish & chips"),
        ("a <emphasis>very</emphasis> long day", "a very long day"),
        ("<!-- not this -->but this", "but this"),
    ],
)
def test_what_is_read_instead(inner: str, text: str) -> None:
    """In one passage with what surrounds it."""
    assert [p.text for p in speak(inner)] == [text]


def test_paragraphs_and_sentences_pause() -> None:
    """A paragraph longer than a sentence."""
    one, two = speak("<p><s>One.</s></p><s>Two.</s>")
    assert one.pause_s > two.pause_s > 0


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("<speak>One", "no element found at line 1"),
        ("<speak>One</p></speak>", "mismatched tag"),
        ("<speak>a & b</speak>", "not well-formed"),
        ("<p>One</p>", "must begin with <speak>"),
        ("<speak><audio src='x'/></speak>", "<audio> is not supported"),
        ("<speak><break time='soon'/></speak>", "break time='soon'"),
        ("<speak><break time='-5s'/></speak>", "500ms or 1.5s"),
        ("<speak><break strength='huge'/></speak>", "x-strong"),
        ("<speak><prosody rate='0'>a</prosody></speak>", "0.1 to 10"),
        ("<speak><prosody rate='quick'>a</prosody></speak>", "quick"),
        ("<speak><prosody pitch='200Hz'>a</prosody></speak>", "2st"),
        ("<speak><prosody volume='50'>a</prosody></speak>", "-6dB"),
        ("<speak><say-as interpret-as='poem'>a</say-as></speak>", "poem"),
        ("<speak><sub>a</sub></speak>", "needs an alias"),
        ("<speak><phoneme ph='bʏk'>a</phoneme></speak>", "'ʏ' is no sound"),
        ("<speak><phoneme>a</phoneme></speak>", "needs its phones"),
        ("<speak><phoneme ph='b'/></speak>", "needs the word"),
        ("<speak><phoneme ph='b'><s>a</s></phoneme></speak>", "and no <s>"),
        (
            "<speak><phoneme alphabet='sampa' ph='b'>a</phoneme></speak>",
            "one of ipa, x-sampa, cmu",
        ),
        ('<!DOCTYPE x [<!ENTITY a "b">]><speak>&a;</speak>', "document type"),
        ("<speak><![CDATA[x]]></speak>", "CDATA"),
        ("<speak>" + "<p>" * DEEPEST + "</p>" * DEEPEST + "</speak>", "deeper"),
        ("<speak>" + "a" * 100_000 + "</speak>", "100015 characters"),
        ("<speak>" + "a<break/>" * 5_000 + "</speak>", "4000 passages"),
    ],
)
def test_what_is_wrong_is_said(source: str, why: str) -> None:
    """As a request that cannot be served, never as a traceback."""
    with pytest.raises(BadRequest) as caught:
        parse(source)
    assert why in str(caught.value)
    assert caught.value.code == "invalid_ssml"


def test_phones_belong_to_the_word_they_are_given_for() -> None:
    """In any of the alphabets; possessives with it, neighbours apart from it."""
    made = speak(
        "Mr. <phoneme ph='ˈnwiən'>Nguyen</phoneme>'s  a"
        "<phoneme alphabet='cmu' ph='l ay1 v'> live\n</phoneme>one, "
        "<sub alias='b'><phoneme ph='z'>c</phoneme></sub>"
        "<phoneme alphabet='x-sampa' ph='\"n3:s'>nurse</phoneme>."
    )
    assert [p.text for p in made] == ["Mr. Nguyen's a live one, b nurse."]
    said = [(made[0].text[s.start : s.end], s.phones) for s in made[0].said]
    assert said == [
        ("Nguyen's", "N W IY1 AH0 N Z"),
        ("live", "L AY1 V"),
        ("nurse", "N ER1 S"),
    ]


def test_signs_of_our_own_in_a_text_are_nothing() -> None:
    """Whoever writes characters for private use gets spaces."""
    assert speak("a\ue000b\ue001c") == (Passage("a b c"),)


@given(st.text("<speak>/prosdybu =\"'&;!-[]a1\x00\u00e9", max_size=80))
def test_anything_is_read_or_refused(inner: str) -> None:
    """No other error comes out."""
    try:
        passages = speak(inner)
    except BadRequest:
        return
    assert all(0.25 <= p.speed <= 4 and p.pause_s <= 10 for p in passages)
