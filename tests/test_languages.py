"""Languages by their codes, and in which a turn is answered."""

from __future__ import annotations

import pytest

from voiceserver.languages import NAMES, answer_language, code, named, primary


def test_the_country_is_no_part_of_the_language() -> None:
    """However it is written."""
    assert [primary(tag) for tag in ("pt-BR", "pt_br", "PT")] == ["pt"] * 3


def test_languages_have_names() -> None:
    """All that Whisper hears (99 and English, one of them by two codes)."""
    assert len(NAMES) >= 100
    assert named("es-MX") == "Spanish"
    assert named("tlh") == "tlh"


def test_services_tell_a_language_by_name_or_by_code() -> None:
    """OpenAI's verbose_json has names; what is neither is nothing."""
    told = ("es", "Spanish", " english ", "Haitian Creole", "e", "12", "klingon", "")
    assert [code(each) for each in told] == ["es", "es", "en", "ht", "", "", "", ""]


@pytest.mark.parametrize(
    ("heard", "asked", "usual", "answered"),
    [
        ("", "", "en", ""),  # an English server
        ("en", "", "en", ""),
        ("en", "en-GB", "en", ""),
        ("", "es", "en", "es"),  # a client that says what it speaks
        ("es", "es", "en", "es"),
        ("pt", "pt-BR", "en", "pt-BR"),  # and where
        ("", "", "es", "es"),  # a server in another language
        ("fr", "auto", "en", "fr"),  # found out
        ("en", "auto", "en", "en"),  # in one call several may be spoken
        ("", "auto", "en", ""),  # not found out
        ("fr", "", "", "fr"),  # the server's own choice is to find out
        ("", "", "", ""),
    ],
)
def test_a_turn_is_answered_in_its_language(
    heard: str, asked: str, usual: str, answered: str
) -> None:
    """Where only the server's own is spoken, nothing is told to anybody."""
    assert answer_language(heard, asked, usual) == answered
