"""Forms of little words by their place, and the letter A.

"To", "can", "of" and their like have a weak form inside a clause, which the lexicon
leads with, and a full one before a pause: "who are you talking to?", "yes, I can."
Knows words and marks; nothing of audio.

Source of the rule: weak forms are not used finally (Jones, "An Outline of English
Phonetics", 1918, and every textbook since).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from voiceserver.voice.words.grammar import BE, MARKS, at, is_closed
from voiceserver.voice.words.phones import Pronunciation, letter_name

_FULL = """
to T UW2
for F AO2 R
of AH2 V
from F R AH2 M
at AE2 T
than DH AE2 N
as AE2 Z
them DH EH2 M
are AA1 R
can K AE1 N
could K UH1 D
do D UW1
does D AH1 Z
had HH AE1 D
has HH AE1 Z
have HH AE1 V
is IH1 Z
am AE1 M
must M AH1 S T
shall SH AE1 L
should SH UH1 D
was W AA1 Z
were W ER1
will W IH1 L
would W UH1 D
"""
FULL: Mapping[str, Pronunciation] = {
    word: tuple(phones) for word, *phones in map(str.split, _FULL.strip().splitlines())
}
# What goes on without the verb: "I can and I will".
_GOES_ON = frozenset("and or but if".split())
_PREPOSITIONS = frozenset("to for of from at than as them".split())
# "Vitamin A", "plan A", "an A".
_LETTERED = frozenset(
    "vitamin grade plan option section hepatitis type group letter team class gate "
    "block an point terminal appendix exhibit level side part answer channel platform "
    "zone figure schedule room unit line row column series size".split()
)


def full_form(words: Sequence[str], i: int) -> Pronunciation | None:
    """The full form of a word that stands where it may not be weak, else none.

    Args:
        words: Lower case, with the marks between them.
        i: Index of the word.
    """
    word, after = words[i], at(words, i + 1)
    if word not in FULL:
        return None
    stranded = after in MARKS or (after in _GOES_ON and word not in _PREPOSITIONS)
    return FULL[word] if stranded else None


def is_letter_a(words: Sequence[str], capital: Sequence[bool], i: int) -> bool:
    """Whether a word "a" is the name of the letter.

    Args:
        words: Lower case, with the marks between them.
        capital: Each is written with a capital letter.
        i: Index of the word.
    """
    before, after = at(words, i - 1), at(words, i + 1)
    opens = before in MARKS
    if after in MARKS or before in _LETTERED:
        return capital[i] or after in MARKS
    if not capital[i]:
        return False
    if after in BE or after in ("and", "or", "to", "for"):
        return True
    title = i + 1 < len(words) and capital[i + 1]
    return not opens and not title and (len(after) == 1 or is_closed(after))


LETTER_A = letter_name("a")
