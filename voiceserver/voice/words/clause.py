"""From a clause of text to the symbols that the acoustic model speaks.

Joins the normaliser, the lexicon and the letter-to-sound network, applies the few
rules that depend on the neighbouring word, and keeps for every word its source range
and its place among the symbols. Knows nothing of audio.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from voiceserver.voice.text.normalise import Token, normalise
from voiceserver.voice.words.forms import LETTER_A, full_form, is_letter_a
from voiceserver.voice.words.homographs import Sentence, reading
from voiceserver.voice.words.intonation import rises
from voiceserver.voice.words.lexicon import Lexicon
from voiceserver.voice.words.own_words import OwnWords, Said
from voiceserver.voice.words.phones import (
    INDEX,
    MARKS,
    PAUSE,
    Pronunciation,
    is_vowel,
    letter_name,
    with_s,
)

PLACE_NONE, PLACE_FIRST, PLACE_INNER, PLACE_LAST, PLACE_ONLY = range(5)
NON_FINAL = ","  # how a clause without a mark of its own ends
LONGEST = 70  # phones; about 5 s, the longest that training has seen
COMMA_AFTER = 25  # phones after which a comma ends a clause

BEFORE_VOWEL = {"the": ("DH", "IY0"), "to": ("T", "UW0")}

# What stands for a range that is said as given: a word that no rule knows.
STAND_IN, LONE = "la", "a"

LettersToSound = Callable[[str], Pronunciation]


@dataclass(frozen=True, slots=True)
class WordSpan:
    """A spoken word: where it comes from and where it is said.

    Attributes:
        start: First source character.
        end: After the last one; words of one number share their range.
        first: Index of its first symbol.
        last: Index after its last symbol.
    """

    start: int
    end: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Clause:
    """Symbols of one clause, from a leading pause to the mark that ends it.

    Attributes:
        symbols: Indices into ``phones.SYMBOLS``.
        places: Place of each in its word.
        ending: Index into ``phones.MARKS``.
        words: The spoken words in order.
        skipped: Characters of unreadable scripts that were left out.
        rises: Its tune goes up at the end.
    """

    symbols: tuple[int, ...]
    places: tuple[int, ...]
    ending: int
    words: tuple[WordSpan, ...]
    skipped: int
    rises: bool = False


def _places(n: int) -> list[int]:
    """Places of the phones of a word of ``n``."""
    if n == 1:
        return [PLACE_ONLY]
    return [PLACE_FIRST, *[PLACE_INNER] * (n - 2), PLACE_LAST]


class Phonemiser:
    """Turns clauses into symbols. Holds no state between clauses."""

    def __init__(
        self,
        lexicon: Lexicon,
        letters: LettersToSound,
        own_words: OwnWords | None = None,
    ) -> None:
        self._lexicon = lexicon
        self._letters = letters
        self._own_words = own_words or OwnWords({})

    def pronounce(self, token: Token) -> Pronunciation:
        """Phones of one word, without regard to its neighbours."""
        if token.spelled:
            name = letter_name(token.text[0])
            return with_s(name) if token.text[1:] else name
        known = self._lexicon.variants(token.text)
        return known[0] if known else self._letters(token.text)

    def with_own_words(self, own_words: OwnWords) -> Phonemiser:
        """The same, that says an operator's words as they say."""
        return Phonemiser(self._lexicon, self._letters, own_words)

    def word(self, text: str) -> Pronunciation:
        """Phones of a word in lower case."""
        return self.pronounce(Token(text, 0, len(text)))

    def _in_context(
        self, text: str, tokens: list[Token], given: Mapping[int, Said]
    ) -> list[Pronunciation]:
        """Pronunciations of all tokens; empty for marks."""
        words = [t.text for t in tokens]
        capital = [text[t.start : t.start + 1].isupper() for t in tokens]
        sentence = Sentence(words, capital)
        spoken: list[Pronunciation] = []
        for i, token in enumerate(tokens):
            if token.is_mark:
                spoken.append(())
                continue
            if token.start in given:
                spoken.append(given[token.start].phones)
                continue
            chosen = None if token.spelled else _by_place(sentence, i)
            spoken.append(chosen or self.pronounce(token))
        for i, token in enumerate(tokens[:-1]):
            before_vowel = bool(spoken[i + 1]) and is_vowel(spoken[i + 1][0])
            by_rule = token.text in BEFORE_VOWEL and token.start not in given
            if by_rule and before_vowel:
                spoken[i] = BEFORE_VOWEL[token.text]
        return spoken

    def phonemise(self, text: str, said: Sequence[Said] = ()) -> list[Clause]:
        """Clauses of a text, in order; empty if there is nothing to say.

        A clause ends at a mark that ends a sentence or part of one, at a comma once it
        is long enough, and between words where it would be too long.

        Args:
            text: Anything.
            said: Ranges that are said as they are given, apart from each other; they
                outrank the operator's words, and those everything else.
        """
        given = _apart(said, list(self._own_words.said(text)), len(text))
        normal = normalise(_stood_in(text, given))
        tokens = list(normal.tokens)
        spoken = self._in_context(text, tokens, {s.start: s for s in given})
        clauses: list[Clause] = []
        first, size, opened = 0, 0, 0
        for i, token in enumerate(tokens):
            size += len(spoken[i])
            last = i + 1 == len(tokens)
            ahead = 0 if last else len(spoken[i + 1])
            too_long = size + ahead > LONGEST and not (last or tokens[i + 1].is_mark)
            if last or too_long or _may_end(token, size):
                skipped = normal.skipped if last else 0
                part = slice(first, i + 1)
                so_far = [t.text for t in tokens[opened:first] if not t.is_mark]
                clauses.append(_clause(tokens[part], spoken[part], skipped, so_far))
                first, size = i + 1, 0
                opened = first if token.text in ".?!" else opened
        return clauses


def _apart(first: Sequence[Said], then: Sequence[Said], size: int) -> list[Said]:
    """Ranges in order that do not meet; the first ones where two do."""
    kept = [s for s in first if 0 <= s.start < s.end <= size and s.phones]
    kept += [
        s
        for s in then
        if all(s.end <= other.start or other.end <= s.start for other in first)
    ]
    return sorted(kept, key=lambda s: s.start)


def _stood_in(text: str, given: Sequence[Said]) -> str:
    """A text with a plain word in place of each range, no character moved."""
    parts, at = [], 0
    for s in given:
        size = s.end - s.start
        word = (STAND_IN * size)[:size] if size > 1 else LONE
        parts += [text[at : s.start], word]
        at = s.end
    return "".join([*parts, text[at:]])


def _by_place(sentence: Sentence, i: int) -> Pronunciation | None:
    """How a word is said because of its neighbours; none if they do not matter."""
    if sentence.words[i] == "a":
        return LETTER_A if is_letter_a(sentence.words, sentence.capital, i) else None
    return full_form(sentence.words, i) or reading(sentence, i)


def _may_end(token: Token, size: int) -> bool:
    """Whether a clause of so many phones may end at a token."""
    if not token.is_mark:
        return False
    return token.text in ".?!;:" or size >= COMMA_AFTER


def _clause(
    tokens: list[Token],
    spoken: list[Pronunciation],
    skipped: int,
    before: list[str],
) -> Clause:
    symbols, places = [INDEX[PAUSE]], [PLACE_NONE]
    words: list[WordSpan] = []
    for token, phones in zip(tokens, spoken, strict=True):
        first = len(symbols)
        if token.is_mark:
            symbols.append(INDEX[token.text])
            places.append(PLACE_NONE)
            continue
        symbols += [INDEX[p] for p in phones]
        places += _places(len(phones))
        words.append(WordSpan(token.start, token.end, first, len(symbols)))
    if not tokens[-1].is_mark:
        symbols.append(INDEX[NON_FINAL])
        places.append(PLACE_NONE)
    ending = tokens[-1].text if tokens[-1].is_mark else NON_FINAL
    said = [token.text for token in tokens if not token.is_mark]
    return Clause(
        tuple(symbols),
        tuple(places),
        MARKS.index(ending),
        tuple(words),
        skipped,
        rises(said, ending, before),
    )
