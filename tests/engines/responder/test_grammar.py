"""The grammar: whatever it accepts, the responder has a rule for."""

from __future__ import annotations

import re
from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

import pytest

from voiceserver.config import ResponderConfig
from voiceserver.engines.base import Message
from voiceserver.engines.responder import STANDARD, Question, Responder, jsgf
from voiceserver.engines.responder.responder import UNKNOWN

NOW = datetime(2026, 11, 23, 15, 7, tzinfo=ZoneInfo("UTC"))
RESPONDER = Responder(ResponderConfig(), now=lambda: NOW)
TOKEN = re.compile(r"<\w+>|[a-z']+|[()|\[\]]")


class Sampler:
    """Draws sentences of a JSGF grammar: alternatives, groups, options, references."""

    def __init__(self, grammar: str, seed: int) -> None:
        rules = re.findall(r"^(?:public )?<(\w+)> = (.*?);$", grammar, re.M | re.S)
        self.rules = {name: TOKEN.findall(text) for name, text in rules}
        self._random = Random(seed)

    def draw(self, rule: str) -> list[str]:
        words, rest = self._alternatives(self.rules[rule])
        assert not rest
        return words

    def _alternatives(self, tokens: list[str]) -> tuple[list[str], list[str]]:
        choices: list[list[str]] = [[]]
        while tokens and tokens[0] not in (")", "]"):
            token, *tokens = tokens
            if token == "|":
                choices.append([])
            elif token in ("(", "["):
                words, tokens = self._alternatives(tokens)
                closing, *tokens = tokens
                assert closing == {"(": ")", "[": "]"}[token]
                if token == "(" or self._random.random() < 0.5:
                    choices[-1] += words
            elif token[0] == "<":
                choices[-1] += self.draw(token[1:-1])
            else:
                choices[-1].append(token)
        assert all(choices), "an alternative is empty"
        return self._random.choice(choices), tokens


def intent(words: list[str]) -> str:
    return RESPONDER.answer([Message("user", " ".join(words))]).intent


# The rules of requests, and what answers them.
RULES = {
    "sum": {"sum"},
    "timer": {"timer"},
    "length": {"length"},
    "count": {"count"},
    "spell": {"spell"},
    "elsewhere": {"time_in"},
    "day": {"other_day"},
    "question": {question.intent for question in STANDARD},
}


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_answered_by_its_intent(rule: str) -> None:
    """Two hundred sentences of each rule."""
    sampler = Sampler(jsgf(), seed=7)
    for _ in range(200):
        words = sampler.draw(rule)
        assert intent(words) in RULES[rule], " ".join(words)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_accepted_has_an_answer(seed: int) -> None:
    """Politeness included; never the line about the language model."""
    sampler = Sampler(jsgf(), seed)
    for _ in range(200):
        words = sampler.draw("request")
        assert intent(words) != UNKNOWN, " ".join(words)


def test_every_rule_is_used() -> None:
    """What cannot be reached only costs time."""
    grammar = jsgf()
    rules = Sampler(grammar, 0).rules
    used = set(re.findall(r"<(\w+)>(?! =)", grammar))
    assert set(rules) - used == {"request"}


def test_operator_questions_are_in_the_grammar() -> None:
    """Numerals in words, and short forms as they are said."""
    grammar = jsgf([Question(("What is in room 12?",), "x")])
    assert "what is in room twelve | what's in room twelve" in grammar


def test_words_the_recogniser_does_not_know_are_left_out() -> None:
    """With all the wordings that need them; the rest stays."""
    known = set(re.findall("[a-z']+", jsgf())) - {"brooklyn"}
    grammar = jsgf((*STANDARD, Question(("where is zyzzyx",), "x")), known)
    assert "brooklyn" not in grammar
    assert "zyzzyx" not in grammar
    assert "what time is it" in grammar


def test_words_are_plain() -> None:
    """No wording with letters that no dictionary of English has."""
    question = Question(("wo ist das caf\u00e9", "where is it"), "x")
    assert "caf" not in jsgf([question])
    assert "where is it" in jsgf([question])


def test_the_grammar_is_small() -> None:
    """pocketsphinx makes about 1,600 states of it; every word is at least one."""
    assert len(TOKEN.findall(jsgf())) < 2000
