"""``[router]``."""

from __future__ import annotations

import pytest

from voiceserver.config.parse import parse
from voiceserver.config.router import MOST_RULES, RouterConfig, RouterRule
from voiceserver.errors import ConfigError

RULE = "[[router.rule]]\n"


def test_rules_are_read() -> None:
    """In their order."""
    text = (
        "[router]\nstrong_share = 0.2\n"
        f'{RULE}topic = "medical"\nthen = "complex"\n'
        f'{RULE}pattern = "speak * manager"\nthen = "hand_over"\n'
        'say = "One moment."\ntool = "transfer"\n'
    )
    router = parse(text).router
    assert router.strong_share == 0.2
    assert [rule.about for rule in router.rule] == ["medical", "speak * manager"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'{RULE}then = "complex"', "a pattern or a topic"),
        (f'{RULE}then = "complex"\npattern = "a"\ntopic = "legal"', "a pattern or a"),
        (f'{RULE}then = "dear"\npattern = "a"', 'one of "simple", "complex"'),
        (f'{RULE}then = "complex"\ntopic = "sports"', 'one of "", "medical"'),
        (f'{RULE}then = "refuse"\npattern = "a"', "say is what is said"),
        (f'{RULE}then = "simple"\npattern = "a"\nsay = "b"', "say is what is said"),
        (f'{RULE}then = "complex"\npattern = "a"\ntool = "b"', "tool goes with"),
        (f'{RULE}then = "complex"\npattern = "(a+)+$"', "must be words"),
        (f'{RULE}then = "complex"\npattern = "*"', "must be words"),
        (f'{RULE}then = "complex"\npattern = "{"a " * 21}"', "more than 20 words"),
        ("[router]\nstrong_share = 1.5", "strong_share must be 0..1"),
    ],
)
def test_what_cannot_be_is_refused(text: str, words: str) -> None:
    """With what is allowed."""
    with pytest.raises(ConfigError) as refused:
        parse(text)
    assert words in str(refused.value)


def test_rules_that_contradict_each_other_are_named() -> None:
    """The same twice is none."""
    text = (
        f'{RULE}then = "complex"\npattern = "my  Contract"\n'
        f'{RULE}then = "simple"\npattern = "my contract"\n'
    )
    with pytest.raises(ConfigError, match=r"rule\[0\] and rule\[1\] contradict"):
        parse(text)
    parse(text.replace("simple", "complex"))


def test_thousands_of_rules_are_bounded() -> None:
    """Five thousand may be."""
    rules = tuple(RouterRule("complex", pattern=f"w{n}") for n in range(MOST_RULES))
    RouterConfig(rule=rules)
    with pytest.raises(ValueError, match="more than 5000"):
        RouterConfig(rule=(*rules, RouterRule("complex", topic="legal")))
