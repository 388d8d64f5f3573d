"""A speech grammar of what the responder can answer, for recognisers that take one.

JSGF 1.0 (W3C Note, June 2000) in the small subset that pocketsphinx compiles well:
alternatives, groups, options, rule references. Words are lower-case and spelled as
pronouncing dictionaries spell them. Requests with an open vocabulary ("repeat after
me") are left to dictation; spelling takes a list of words.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence

from voiceserver.engines.responder.moments import CITIES
from voiceserver.engines.responder.questions import Question
from voiceserver.engines.responder.standard import STANDARD
from voiceserver.engines.responder.words import split
from voiceserver.engines.words import TENS, UNITS, spoken

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")

# Words people try a speller with.
SPELLED = (
    "accommodate banana beautiful believe bridge broccoli calendar cat chocolate "
    "conscience cemetery computer definitely dog elephant embarrass february friend "
    "hello house language library mississippi mother necessary neighbor occasion "
    "orange piece queue receive recommend restaurant rhythm school separate server "
    "success surprise tomorrow university vacuum voice water weather wednesday weird "
    "world yacht"
).split()
TASKS = (
    "stretch",
    "drink water",
    "call home",
    "call back",
    "check the oven",
    "take a break",
    "take my medicine",
    "go home",
    "get up",
)

_RULES = """\
<digit> = {digits};
<unit> = {units};
<small> = {below_twenty} | ({tens}) [<unit>];
<number> = zero | [(<unit> | a) hundred [and]] <small>
  | (<unit> | a) (hundred | thousand);
<decimal> = <number> [point <digit> [<digit>]];
<operator> = plus | minus | times | multiplied by | divided by | percent of;
<sum> = [what is | what's | how much is] <decimal> <operator> <decimal>
  | [what is | what's] ([the] square root of <number> | <number> (squared | cubed));
<length> = <small> (second | seconds | minute | minutes | hour | hours)
  | half an hour | an hour | a minute | two and a half minutes;
<task> = {tasks};
<timer> = (set | start) a timer for <length>
  | (remind me in <length> | in <length> remind me) [to <task>]
  | (cancel | stop) (the | my) timer;
<count> = count ([from <small>] to | down from) <small>;
<spell> = (spell | how do you spell) ({spelled});
<elsewhere> = (what time is it | what's the time) in ({cities});
<day> = what day is tomorrow | what is tomorrow's date | what day was yesterday;
"""
_PUBLIC = (
    "public <request> = [please] (<question> | <sum> | [can you] (<timer> | <count> | "
    "<spell>) | <length> | <elsewhere> | <day>) [please];\n"
)
_IS_SHORT = frozenset("what who where when how that".split())


def jsgf(
    questions: Sequence[Question] = STANDARD,
    known: Container[str] | None = None,
    domain: str = "",
) -> str:
    """Write the grammar of everything the responder can answer.

    Args:
        questions: Those of the responder (``Responder.questions``), the operator's
            included.
        known: The recogniser's dictionary; wordings with other words are left out.
            None takes all words.
        domain: More rules, of which ``<domain>`` is a request too.
    """

    def alternatives(choices: Iterable[str]) -> str:
        return " | ".join(c for c in choices if _usable(c.split(), known))

    wordings = dict.fromkeys(
        wording
        for question in questions
        for ask in question.ask
        for wording in _said(ask)
    )
    rules = _RULES.format(
        digits=alternatives(["oh", *UNITS[:10]]),
        units=alternatives(UNITS[1:10]),
        below_twenty=alternatives(UNITS[1:]),
        tens=alternatives(TENS),
        tasks=alternatives(TASKS),
        spelled=alternatives(SPELLED),
        cities=alternatives(CITIES),
    )
    question = f"<question> = {alternatives(wordings)};\n"
    head = "#JSGF V1.0;\ngrammar voiceserver;\n"
    if not questions:
        return f"{head}{rules}{domain}public <request> = <domain>;\n"
    public = _PUBLIC.replace("(<question>", "(<domain> | <question>", bool(domain))
    return f"{head}{rules}{domain}{question}{public}"


def _said(ask: str) -> Iterable[str]:
    """How a wording may be said: numerals as words, "what is" also as "what's"."""
    words = [
        part
        for word in split(ask)
        for part in (spoken(int(word)) if _is_number(word) else [word])
    ]
    yield " ".join(words)
    if len(words) > 2 and words[0] in _IS_SHORT and words[1] == "is":
        yield " ".join([f"{words[0]}'s", *words[2:]])


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= 9


def _usable(words: Sequence[str], known: Container[str] | None) -> bool:
    return bool(words) and all(
        _WORD.fullmatch(word) and (known is None or word in known) for word in words
    )
