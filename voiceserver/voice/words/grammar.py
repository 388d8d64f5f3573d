"""Verb or not: what a word's neighbours say about it.

English marks words of two kinds by what stands beside them: "the record is", "to
record it". Closed classes of words are listed here, each of them evidence with a
weight set by hand; the sum decides. Knows words and marks in order; nothing of their
meaning, spelling or sound.
"""

from __future__ import annotations

from collections.abc import Sequence

MARKS = frozenset("?!.:;-,")
STOPS = frozenset("?!.:;")

DETERMINERS = frozenset(
    "a an the this these those my your his its our their no any some each every "
    "either neither another which what whose such both several few many more most "
    "enough less other".split()
)
NUMBERS = frozenset(
    "one two three four five six seven eight nine ten eleven twelve twenty thirty "
    "forty fifty sixty hundred thousand million first second third last next".split()
)
PREPOSITIONS = frozenset(
    "of in on for with by from at about into without under over after before during "
    "per through between against above below within across behind beside near via as "
    "like than until since towards upon onto".split()
)
BE = frozenset(
    "am is are was were be been being i'm you're we're they're he's she's it's that's "
    "there's what's who's here's isn't aren't wasn't weren't seem seems seemed feel "
    "feels felt looks looked become became becomes sounds".split()
)
HAVE = frozenset(
    "have has had having haven't hasn't hadn't i've you've we've they've".split()
)
MODALS = frozenset(
    "will would can could shall should may might must do does did cannot don't "
    "doesn't didn't won't wouldn't can't couldn't shouldn't mustn't needn't i'll "
    "you'll he'll she'll it'll we'll they'll i'd you'd he'd she'd we'd they'd let's "
    "please gonna wanna never".split()
)
SUBJECTS = frozenset("i you we they who".split())
ONE_SUBJECTS = frozenset("he she it who that which this".split()) | {
    *"anyone anybody someone somebody everyone everybody nobody".split()
}
OBJECTS = frozenset("me us him them it".split())
ADVERBS = frozenset(
    "not also always often usually really just only even still already sometimes then "
    "now ever rarely seldom either soon all both simply".split()
)
CONJUNCTIONS = frozenset("and or but if when because so while that than".split())
CAUSES = frozenset("let make makes made help helps helped see hear watch lets".split())
AUXILIARIES = (
    BE | HAVE | (MODALS - {"please", "let's", "never", "gonna", "wanna"})
) - frozenset(["feel", "feels", "felt", "looks", "looked", "sounds", "seem"])
BEFORE_NOUN_TO = frozenset("due according thanks close next addicted addition".split())
PARTICLES = frozenset("up down off out back away together".split())
CLOSED = (
    DETERMINERS
    | PREPOSITIONS
    | BE
    | HAVE
    | MODALS
    | SUBJECTS
    | ONE_SUBJECTS
    | OBJECTS
    | ADVERBS
    | CONJUNCTIONS
    | MARKS
    | frozenset(["to", "her", "please", "how", "where", "why", "there", "here"])
)
FURTHEST = 3  # open words looked across for what begins their phrase


def at(words: Sequence[str], i: int) -> str:
    """A word, or a full stop beyond either end."""
    return words[i] if 0 <= i < len(words) else "."


def is_closed(word: str) -> bool:
    """Whether a word belongs to a class that grammar is made of."""
    return word in CLOSED or word in NUMBERS


def _adverb(word: str) -> bool:
    return word in ADVERBS or (word.endswith("ly") and len(word) > 4)


def before(words: Sequence[str], i: int) -> int:
    """Index of the word before one, adverbs passed over; may be -1."""
    j = i - 1
    while _adverb(at(words, j)):
        j -= 1
    return j


def asks(words: Sequence[str], subject: int) -> bool:
    """Whether a subject stands after its auxiliary, as in "do you"."""
    return at(words, subject - 1) in AUXILIARIES - BE


def _after_to(words: Sequence[str], j: int) -> float:
    return -1.0 if at(words, j - 1) in BEFORE_NOUN_TO else 4.0


def _of_subject(words: Sequence[str], j: int, third_person: bool) -> float | None:
    """What a pronoun before says; none if the word before is none."""
    word = at(words, j)
    if word in SUBJECTS:
        return 4.0
    if word in ("this", "that", "one") and asks(words, j):
        return 2.5
    if word in ("he", "she", "it") and at(words, j - 1) in BE:
        return -2.0
    if word in ONE_SUBJECTS and (third_person or word not in ("this", "that")):
        return 4.0 if third_person or asks(words, j) else 1.0
    if word in OBJECTS:
        return 4.0 if at(words, j - 1) in CAUSES | MODALS else 1.0
    return None


def _from_left(words: Sequence[str], j: int, third_person: bool) -> float:
    """What the word before says; positive is for a verb."""
    word = at(words, j)
    if word == "to":
        return _after_to(words, j)
    if word in MODALS:
        return 4.0
    subject = _of_subject(words, j, third_person)
    if subject is not None:
        return subject
    if word == "that":
        return 0.0
    if word in DETERMINERS or word in NUMBERS or word == "her":
        return -4.0
    if word in PREPOSITIONS or word in BE or word.endswith("'s"):
        return -3.0
    return {"how": -1.0, "there": -1.0, "where": -1.0}.get(
        word, -2.0 if word in HAVE else 0.0
    )


def _across(words: Sequence[str], j: int) -> float:
    """What begins the phrase that ends in an open word: "the old ..."."""
    ends_plural = at(words, j).endswith("s") and not at(words, j).endswith("ss")
    for k in range(j - 1, j - FURTHEST - 1, -1):
        word = at(words, k)
        if word in ("to", *MODALS) or (word in SUBJECTS and k == j - 1):
            return -1.5  # the open word is the verb: "to sell produce"
        if word in DETERMINERS and at(words, k - 1) in MODALS | CAUSES:
            return 1.5  # "will the jury convict", "let the dough ferment"
        if word in DETERMINERS or word in PREPOSITIONS or word in BE or word == "her":
            return 0.5 if ends_plural else -2.0
        if word in NUMBERS:
            return 0.5 if ends_plural else -2.0
        if is_closed(word):
            break
    return 1.5 if ends_plural else -0.5


def _from_right(words: Sequence[str], i: int) -> float:
    """What the word after says."""
    word = at(words, i + 1)
    if word in OBJECTS:
        return 3.0
    if word in ("a", "an", "the", "this", "these", "those", "my", "your", "his", "her"):
        return 2.5
    if word in DETERMINERS or word in NUMBERS:
        return 2.0
    if word == "that":
        return 0.5
    if word == "of":
        return -2.5
    if word in AUXILIARIES:
        return -3.0
    if word in PARTICLES:
        return 1.5
    if word in PREPOSITIONS or word in STOPS:
        return 0.0
    return -0.5 if not is_closed(word) else 0.0


def verb_weight(words: Sequence[str], i: int, third_person: bool = False) -> float:
    """How much the neighbours of a word speak for a verb; below 0, against one.

    Args:
        words: Lower case, with the marks between them.
        i: Index of the word.
        third_person: It ends in the -s that nouns and verbs share.
    """
    j = before(words, i)
    word = at(words, j)
    right = _from_right(words, i)
    if word in MARKS:
        first = word in STOPS
        return right + ((0.5 if not third_person else -1.0) if first else 0.0)
    left = _from_left(words, j, third_person)
    if not is_closed(word):
        left = -_across(words, j) if third_person else _across(words, j)
        if third_person:
            left = min(left, 1.0)
    return left + right
