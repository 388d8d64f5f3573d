"""What a domain says whatever its callers say: spoken beforehand, it is heard at once.

Questions, lines and answers that have no slot in them, cut as answers are. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from voiceserver.engines.domain.terms import Domain, names_in
from voiceserver.phrases import PhraseSplitter

MOST = 40  # phrases; some 8 MB of a voice


def phrases(domain: Domain) -> tuple[str, ...]:
    """Return them, those of which every caller hears some before the rarer ones."""
    found: dict[str, None] = {}
    for text in _texts(domain):
        splitter = PhraseSplitter()
        cut = [*splitter.push(text), *splitter.flush()]
        found.update(dict.fromkeys(phrase.text for phrase in cut))
    return tuple(found)[:MOST]


def _texts(domain: Domain) -> Iterator[str]:
    lines = domain.lines
    wanted = dict.fromkeys(name for i in domain.intents for name in i.required)
    asks = [domain.slots[name].ask for name in wanted]
    yield from asks
    answers = [text for i in domain.intents for text in (i.confirm, i.done)]
    yield from (text for text in answers if text and not names_in(text))
    yield from (lines.change, lines.cancelled, lines.failed)
    yield from (f"{lines.pardon} {ask}" for ask in asks)
