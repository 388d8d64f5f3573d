"""Clauses: cutting, pronunciation in context, word spans."""

from __future__ import annotations

from voiceserver.voice.words.clause import LONGEST, Clause, Phonemiser
from voiceserver.voice.words.lexicon import Lexicon, parse_entries
from voiceserver.voice.words.own_words import OwnWords, Said
from voiceserver.voice.words.phones import MARKS, SYMBOLS, Pronunciation

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


OWN = OwnWords({"one": ("W", "IH1", "N"), "k9": ("K", "EY1"), "the": ("DH", "AA1")})


def test_an_operator_s_words_outrank_everything() -> None:
    """Dictionary, letters, numbers and the rules of place; other words stay."""
    clauses = Phonemiser(LEXICON, letters).with_own_words(OWN).phonemise("One, the K9!")
    assert spelled(clauses[0]) == "_ W IH1 N , DH AA1 K EY1 !"
    assert [(w.start, w.end) for w in clauses[0].words] == [(0, 3), (5, 8), (9, 11)]


def test_ranges_outrank_an_operator_s_words() -> None:
    """Where two meet the range of the text is said; the text keeps its places."""
    text = "One apple 10 two."
    ranges = [Said(0, 3, ("AA1",)), Said(10, 12, ("Z", "IY1")), Said(4, 99, ("M",))]
    clause = Phonemiser(LEXICON, letters, OWN).phonemise(text, ranges)[0]
    assert spelled(clause) == "_ AA1 AE1 P AH0 L Z IY1 T UW1 ."
    assert [text[w.start : w.end] for w in clause.words] == text[:-1].split()
