"""Clauses: cutting, pronunciation in context, word spans."""

from __future__ import annotations

from voiceserver.voice.clause import LONGEST, Clause, Phonemiser
from voiceserver.voice.lexicon import Lexicon, parse_entries
from voiceserver.voice.phones import MARKS, SYMBOLS, Pronunciation

LEXICON = Lexicon(
    parse_entries(
        ["the DH AH0", "apple AE1 P AH0 L", "pear P EH1 R", "one W AH1 N", "two T UW1"]
    )
)


def letters(word: str) -> Pronunciation:
    """Every unknown word is "ba"."""
    return ("B", "AA1")


def phonemise(text: str) -> list[Clause]:
    """With the small lexicon."""
    return Phonemiser(LEXICON, letters).phonemise(text)


def spelled(clause: Clause) -> str:
    """Symbols of a clause as text."""
    return " ".join(SYMBOLS[s] for s in clause.symbols)


def test_the_changes_before_a_vowel() -> None:
    """ "The apple" but "the pear"."""
    assert spelled(phonemise("The apple.")[0]) == "_ DH IY0 AE1 P AH0 L ."
    assert spelled(phonemise("the pear!")[0]) == "_ DH AH0 P EH1 R !"


def test_an_open_clause_is_not_final() -> None:
    """Without a mark of its own it ends as at a comma."""
    clause = phonemise("the pear")[0]
    assert MARKS[clause.ending] == ","
    assert spelled(clause).endswith(",")


def test_words_know_their_source_and_symbols() -> None:
    """Ranges survive the normaliser; symbols are those of the word."""
    text = "The pear, 21 Zork"
    clause = phonemise(text)[0]
    words = [text[w.start : w.end] for w in clause.words]
    assert words == ["The", "pear", "21", "21", "Zork"]
    zork = clause.words[-1]
    assert [SYMBOLS[s] for s in clause.symbols[zork.first : zork.last]] == ["B", "AA1"]


def test_sentences_become_clauses() -> None:
    """Each mark that ends a sentence ends a clause; a short comma does not."""
    ends = [MARKS[c.ending] for c in phonemise("One. Two, one? Pear!")]
    assert ends == [".", "?", "!"]


def test_endless_text_is_cut() -> None:
    """No clause is longer than what training has seen."""
    clauses = phonemise("apple " * 100)
    assert len(clauses) > 5
    assert max(len(c.symbols) for c in clauses) <= LONGEST + 2
    assert sum(len(c.words) for c in clauses) == 100


def test_nothing_to_say() -> None:
    """No words, no clauses."""
    assert phonemise("... 😀") == []
    assert phonemise("") == []
