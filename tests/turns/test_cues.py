"""What the words say about whose turn it is."""

from __future__ import annotations

import pytest

from voiceserver.turns.cues import Completeness, asks_to_stop, grade, is_backchannel


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("what time is it", Completeness.COMPLETE),
        ("tell me a joke please", Completeness.COMPLETE),
        ("so what's the weather like", Completeness.COMPLETE),
        ("aren't they coming", Completeness.COMPLETE),
        ("what's the weather like in", Completeness.INCOMPLETE),
        ("my number is two oh five", Completeness.INCOMPLETE),
        ("can i get a coffee", Completeness.UNCLEAR),  # and how it is to be made
        ("do you know her", Completeness.COMPLETE),
        ("goodbye", Completeness.COMPLETE),
        ("i would like a", Completeness.INCOMPLETE),
        ("what is twelve times", Completeness.INCOMPLETE),
        ("and then we went to the", Completeness.INCOMPLETE),
        ("um", Completeness.INCOMPLETE),
        ("the weather was nice yesterday evening", Completeness.UNCLEAR),
        ("", Completeness.UNCLEAR),
    ],
)
def test_words_are_graded(text: str, want: Completeness) -> None:
    """Questions are whole, dangling words are not, the rest does not tell."""
    assert grade(text) is want


def test_words_of_other_languages_do_not_tell() -> None:
    """ "Was" asks in German; what a grammar knows is whole in any."""
    assert grade("das war was", language="de") is Completeness.UNCLEAR
    assert grade("that was", language="en-GB") is Completeness.INCOMPLETE
    assert grade("das war was", True, "de") is Completeness.COMPLETE


def test_a_grammar_knows_best() -> None:
    """What it accepted is whole, whatever it ends in."""
    assert grade("what is", known_complete=True) is Completeness.COMPLETE


@pytest.mark.parametrize("text", ["", "uh-huh", "yeah right", "oh i see", "mm okay"])
def test_backchannels(text: str) -> None:
    """They only show that one listens."""
    assert is_backchannel(text)


@pytest.mark.parametrize("text", ["no", "yeah but", "what about tomorrow"])
def test_not_backchannels(text: str) -> None:
    """One word of substance is enough."""
    assert not is_backchannel(text)


@pytest.mark.parametrize("text", ["stop", "please wait", "hold on a second"])
def test_asking_to_stop(text: str) -> None:
    """Words that ask the speaker to stop."""
    assert asks_to_stop(text)
    assert not asks_to_stop("what a stopover")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("ja genau", "de"),
        ("Oui, d'accord.", "fr-CA"),
        ("sí, claro", "es"),
        ("да, понятно", "ru"),
        ("はい", "ja"),
        ("mm hm", "xx"),
    ],
)
def test_listening_sounds_like_this_in_other_languages(
    text: str, language: str
) -> None:
    """As recognisers write it; a language that is not known has sounds only."""
    assert is_backchannel(text, language)
    assert not is_backchannel(text + " aber", language)


def test_words_count_in_their_own_language_only() -> None:
    """In Polish "no" is a yes."""
    assert is_backchannel("no tak", "pl")
    assert not is_backchannel("no", "en")
    assert not is_backchannel("ja", "en")


@pytest.mark.parametrize(
    ("text", "language"),
    [("warte mal", "de"), ("Arrêtez !", "fr"), ("espera", "es"), ("stop", "xx")],
)
def test_asking_to_stop_in_other_languages(text: str, language: str) -> None:
    """Stop is stop everywhere."""
    assert asks_to_stop(text, language)
    assert not asks_to_stop("warte mal", "en")
