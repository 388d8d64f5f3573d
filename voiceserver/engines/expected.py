"""What the recogniser is told to expect: a grammar for one, words for another.

Both come from the same two places: what the operator wrote, and what the engine that
answers can understand. Knows neither recogniser; loads no model.
"""

from __future__ import annotations

from voiceserver.config import Config
from voiceserver.engines.domain.terms import Domain
from voiceserver.engines.table import asks_models


def grammar(config: Config, domain: Domain | None) -> str:
    """What the recogniser should listen for beside dictation, as JSGF; "" is nothing.

    That is what the responder can answer, where it may be the one to answer, and what
    callers may ask for in the domain.
    """
    if not config.recogniser.grammar:
        return ""
    from voiceserver.engines.responder import Responder, jsgf

    asked = ""
    if domain is not None:
        from voiceserver.engines.domain.vocabulary import rules

        asked = rules(domain)
    # The stub stands for providers where there are any.
    stub = config.engines.text == "stub" and bool(config.text.provider)
    if stub or asks_models(config):
        return jsgf((), domain=asked) if asked else ""
    return jsgf(Responder(config.responder).questions, domain=asked)


def expected_words(config: Config, domain: Domain | None) -> tuple[str, ...]:
    """What the recogniser is told to expect: the operator's words, or the domain's."""
    if config.recogniser.words:
        return config.recogniser.words
    if domain is None:
        return ()
    from voiceserver.engines.domain.vocabulary import listed

    return listed(domain)


def known_words(domain: Domain | None) -> tuple[str, ...]:
    """All words that the domain understands; none where callers may say anything."""
    if domain is None:
        return ()
    from voiceserver.engines.domain.vocabulary import known

    return known(domain)
