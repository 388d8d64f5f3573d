"""What of a turn tells whether a small model answers it right: a row of numbers. Pure.

Each is a kind of word or a measure that a reader can check; ``NAMES`` are the reasons
that a decision gives. Weights are trained (``scripts/router``). English.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from voiceserver.routing.turns import Turn

_KINDS: dict[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "reasons": "why explain because evidence reasoning prove argue argument "
        "arguments cause causes caused justify interpret analyse analyze theory "
        "theories claim assumptions meaning consequences effects implications led",
        "weighs": "compare difference versus better best worse choose decide between "
        "trade offs pros cons rank rather worth should against advantages which "
        "prefer overview balanced evaluate judge critique whether convince debate",
        "plans": "plan schedule organise organize strategy prepare steps budget "
        "agenda outline menu itinerary design step project handle negotiate manage",
        "writes": "write draft letter essay email speech story poem haiku rewrite "
        "summarise summarize words paragraph compose outline report notes article",
        "works_out": "calculate work probability average percent percentage total "
        "left share earn earns cost costs twice half double each per rate interest "
        "equation estimate many long altogether sum doubles enough split proportion",
        "supposes": "if suppose would could imagine what-if unless assuming happen "
        "happens had were might",
        "codes": "code python javascript java rust program function loop bug compiler "
        "database query sql server algorithm api regular expression script thread "
        "threads container tests deploy git exception array recursion network "
        "encryption data software",
        "joins": "and but or then so although while however also without with that "
        "who which when until after before",
        "mends": "wrong mistake broken fails fault problem fix stuck missing error "
        "debug repair issue instead",
        "abstract": "ethical economy economics politics policy society philosophy "
        "physics universe free will moral history war revolution power system theory "
        "evolution climate inflation religion culture century future idea ideas",
        "deep": "hard carefully detail thoroughly deeply properly think step through "
        "exactly precisely main",
        "acts": "turn play stop set remind call add put open close book cancel move "
        "order wake pause skip lock start send buy switch kill flip dim read",
        "chats": "hello hi hey thanks thank please okay ok yes no bye goodbye sorry "
        "nice good great sure right morning night never mind again repeat wait",
        "looks_up": "who when where capital name color colour born old tall far "
        "spell word synonym opposite translate say time date day weather currency "
        "many year invented wrote rhymes convert phone number price open",
    }.items()
}
_KINDS_OF: dict[str, tuple[int, ...]] = {}
for _at, _words in enumerate(_KINDS.values()):
    for _word in _words:
        _KINDS_OF[_word] = (*_KINDS_OF.get(_word, ()), _at)
_OPENERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "asks_why": (("why",), ("how", "come"), ("how", "would"), ("how", "should")),
    "asks_how": (("how", "do"), ("how", "does"), ("how", "can"), ("how", "did")),
    "asks_fact": (
        ("who",),
        ("when",),
        ("where",),
        ("what", "is", "the"),
        ("is",),
        ("are",),
        ("do",),
        ("does",),
        ("how", "many"),
        ("how", "old"),
        ("how", "far"),
        ("how", "long"),
    ),
    "asks_help": (
        ("help", "me"),
        ("give", "me"),
        ("tell", "me"),
        ("teach", "me"),
        ("walk", "me"),
        ("make", "me"),
        ("find",),
        ("make", "a"),
    ),
}
_LEAD = frozenset(
    "um uh so hey hi hello please okay ok well now can could would you i want need to "
    "know like assistant just a quick question quickly also and".split()
)
# Said after a request, and no part of it; longest first.
_TAILS = (("can", "you", "do", "that"), ("if", "you", "can"), ("please",), ("thanks",))
_LAST = frozenset(tail[-1] for tail in _TAILS)
# Of the openers by their first word: the place of each, and its words.
_BEGINNINGS: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
for _at, _openings in enumerate(_OPENERS.values()):
    for _opening in _openings:
        _BEGINNINGS.setdefault(_opening[0], []).append((_at, _opening))
_FIGURES = frozenset(
    "two three four five six seven eight nine ten eleven twelve thirteen fifteen "
    "twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million "
    "twice half third quarter dollar dollars percent".split()
)
_OWN = frozenset("my our me i we us mine".split())

NAMES = (
    "bias",
    "length",
    "long",
    "short",
    "figures",
    "many_figures",
    "about_me",
    *_KINDS,
    *_OPENERS,
    "many_kinds",
    "tools",
)


def features(turn: Turn, tools: int = 0) -> tuple[float, ...]:
    """Return the numbers of ``NAMES``, each about 0..1."""
    words = without_tail(without_lead(turn.words))
    counts = [0] * len(_KINDS)
    for word in words:
        if word in _KINDS_OF:
            for at in _KINDS_OF[word]:
                counts[at] += 1
    figures = len([1 for word in words if word in _FIGURES or word[0].isdigit()])
    openers = _openers(words)
    kinds = len(counts[:10]) - counts[:10].count(0)
    n = len(words)
    return (
        1.0,
        math.log1p(n) / 3,
        float(n > 14),
        float(n <= 3),
        min(figures, 2) / 2,
        float(figures >= 3),
        float(not _OWN.isdisjoint(words)),
        *[count / 3 if count < 3 else 1.0 for count in counts],
        *openers,
        max(0.0, kinds - 1) / 3,
        float(tools > 0),
    )


def without_lead(words: Sequence[str]) -> Sequence[str]:
    """Leave out what is said before a request and is no part of it."""
    at = 0
    while at < len(words) - 1 and words[at] in _LEAD:
        at += 1
    return words[at:]


def without_tail(words: Sequence[str]) -> Sequence[str]:
    """Leave out what is said after a request and is no part of it."""
    if not words or words[-1] not in _LAST:
        return words
    for tail in _TAILS:
        if len(words) > len(tail) and tuple(words[-len(tail) :]) == tail:
            return words[: -len(tail)]
    return words


def _openers(words: Sequence[str]) -> list[float]:
    """Which of the openers the words begin with, as 0 or 1."""
    found = [0.0] * len(_OPENERS)
    for at, opening in _BEGINNINGS.get(words[0], ()) if words else ():
        if tuple(words[: len(opening)]) == opening:
            found[at] = 1.0
    return found
