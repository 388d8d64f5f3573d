"""What recognisers should listen for in a domain: a list of words, and a grammar.

For those that take words (Whisper's prompt) and those that take JSGF. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from voiceserver.engines.domain.dialogue import ANSWERS
from voiceserver.engines.domain.terms import Domain, Slot
from voiceserver.engines.responder.numbers import WORDS

SHORT = 2  # words of a wording; longer ones are made of shorter ones, mostly
MAX_LISTED = 60  # wordings: a prompt is no dictionary

_WORD = re.compile(r"[^\s|()\[\]]+")
_FILLERS = "a | an | and | with | the | of | please | then | also"
_OPENINGS = (
    "can i (get | have | order) | could i (get | have) | may i have | i would like | "
    "i'd like | i want | i'll have | give me | get me | make me | make that | no | yes"
)


def listed(domain: Domain) -> tuple[str, ...]:
    """Return the wordings that tell a recogniser what is talked about, short ones."""
    said = (
        " ".join(wording)
        for slot in domain.slots.values()
        for wording, value in slot.values.items()
        if len(wording) <= SHORT and " ".join(wording) == value
    )
    return tuple(dict.fromkeys(said))[:MAX_LISTED]


def known(domain: Domain) -> tuple[str, ...]:
    """Return every word with which a caller may say something of the domain, once."""
    said = [_FILLERS, _OPENINGS, *ANSWERS]
    for slot in domain.slots.values():
        said += WORDS if slot.number is not None else map(" ".join, slot.values)
    for intent in domain.intents:
        said += map(" ".join, intent.start)
    return tuple(dict.fromkeys(_WORD.findall(" ".join(said))))


def rules(domain: Domain) -> str:
    """Write the JSGF rules of the domain; ``<domain>`` is what a caller may say."""
    written = [f"<slot_{slot.name}> = {_of(slot)};" for slot in domain.slots.values()]
    slots = " | ".join(f"<slot_{name}>" for name in domain.slots)
    starts = _alternatives(
        wording for intent in domain.intents for wording in intent.start
    )
    begun = f"{_OPENINGS} | {starts}" if starts else _OPENINGS
    written += [
        f"<domain_filler> = {_FILLERS};",
        f"<domain_opening> = {begun};",
        f"<domain_part> = [<domain_filler>] [<domain_filler>] ({slots});",
        "<domain> = [<domain_opening>] <domain_part>+ [please] | <domain_opening>;",
    ]
    return "\n".join(written) + "\n"


def _of(slot: Slot) -> str:
    """A slot's wordings, and plurals of none: JSGF hears what is written."""
    if slot.number is not None:
        return "<number>"
    return _alternatives(slot.values)


def _alternatives(wordings: Iterable[tuple[str, ...]]) -> str:
    return " | ".join(sorted(" ".join(wording) for wording in wordings))
