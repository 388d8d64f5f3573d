"""What a recogniser is told to expect."""

from __future__ import annotations

from pathlib import Path

from voiceserver.config import (
    Config,
    RecogniserConfig,
    ResponderConfig,
    TextConfig,
    TextProvider,
)
from voiceserver.engines.domain import load
from voiceserver.engines.expected import expected_words, grammar, known_words

COFFEE = Path(__file__).parents[2] / "examples" / "kiosk_orders" / "coffee.toml"
PROVIDER = TextConfig(provider=(TextProvider("p", "http://127.0.0.1:9/v1", "m"),))


def test_the_recogniser_listens_for_what_the_responder_answers(tmp_path: Path) -> None:
    """The operator's questions included; not where somebody else answers."""
    questions = tmp_path / "questions.toml"
    questions.write_text('[[question]]\nask = ["where is the lido"]\nanswer = "There."')
    own = ResponderConfig(questions=str(questions))
    assert "where is the lido" in grammar(Config(responder=own), None)
    assert grammar(Config(text=PROVIDER), None) == ""
    assert grammar(Config(recogniser=RecogniserConfig(grammar=False)), None) == ""


def test_a_domain_is_heard_whoever_answers_the_rest() -> None:
    """The operator's own words come before those of the domain."""
    domain = load(COFFEE)
    beside_providers = grammar(Config(text=PROVIDER), domain)
    assert "#JSGF" in beside_providers
    assert "latte" in expected_words(Config(), domain)
    own = Config(recogniser=RecogniserConfig(words=("lido",)))
    assert expected_words(own, domain) == ("lido",)
    assert expected_words(Config(), None) == ()


def test_only_a_domain_says_which_words_are_known() -> None:
    """Whoever may be asked anything may be told anything."""
    assert {"latte", "cancel", "get"} <= {*known_words(load(COFFEE))}
    assert known_words(None) == ()
