"""Tables of words by language."""

from __future__ import annotations

from voiceserver.turns.signals import LISTENS, MARKS, QUIET


def test_both_tables_know_the_same_languages() -> None:
    """And what is every language's is in each."""
    assert LISTENS.keys() == QUIET.keys()
    for table in (LISTENS, QUIET):
        assert all(table[""] <= words for words in table.values())


def test_no_word_says_both() -> None:
    """In one language: it would stop us and be let pass."""
    for language, words in LISTENS.items():
        assert words.isdisjoint(QUIET[language])


def test_words_are_as_turn_taking_takes_them() -> None:
    """Lower case, no marks."""
    for words in (*LISTENS.values(), *QUIET.values()):
        assert all(word == word.lower().strip(MARKS) for word in words)
