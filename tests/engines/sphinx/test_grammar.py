"""Grammars for the recogniser."""

from __future__ import annotations

import logging

import pytest

from voiceserver.engines.responder.grammar import jsgf
from voiceserver.engines.sphinx.grammar import GrammarSearch, open_grammar
from voiceserver.engines.sphinx.search import Word, find_model
from voiceserver.errors import EngineFailed

HEAD = "#JSGF V1.0;\ngrammar test;\n"


def opened(rules: str) -> GrammarSearch:
    return GrammarSearch(find_model(""), HEAD + rules)


def words(text: str) -> tuple[Word, ...]:
    return tuple(Word(word, 0, 1, -1.0) for word in text.split())


def test_only_whole_sentences_are_sentences() -> None:
    """A path may stop anywhere; that is not what was asked."""
    grammar = opened("public <top> = [please] what time is it [now];")
    assert grammar.is_sentence(words("what time is it"))
    assert grammar.is_sentence(words("please what time is it now"))
    assert not grammar.is_sentence(words("what time"))
    assert not grammar.is_sentence(())


def test_an_unknown_word_is_pronounced_by_rule() -> None:
    """The operator's own names are part of the grammar."""
    grammar = opened("public <top> = where is the zyxomma | hello;")
    assert grammar.allows("where is the zyxomma")


def test_a_word_that_cannot_be_said_drops_its_alternative(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With a warning that holds no words; the rest stays."""
    with caplog.at_level(logging.WARNING):
        grammar = opened("public <top> = hello | what is 42 | стоп | goodbye;")
    assert grammar.allows("hello")
    assert grammar.allows("goodbye")
    assert not grammar.allows("what is")
    assert [record.message for record in caplog.records] == ["left out of the grammar"]


def test_comments_weights_tags_and_capitals_are_understood() -> None:
    """JSGF as people write it."""
    grammar = opened(
        "// a comment; with = signs\n/* and\nanother */\n"
        "<name> = /2/ Alice {a} | /1/ Bob {b};\npublic <top> = Call <name>;"
    )
    assert grammar.allows("call alice")
    assert grammar.allows("call bob")


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        HEAD + "public <top> = hello ( world;",
        HEAD + "<top> = hello;",
        HEAD + "public <top> = ;",
    ],
)
def test_a_broken_grammar_leaves_dictation(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning, and no grammar; the recogniser still hears."""
    with caplog.at_level(logging.WARNING):
        assert open_grammar(find_model(""), text) is None
    assert "dictation only" in caplog.text


def test_a_broken_grammar_is_an_engine_failure() -> None:
    """For those who ask for the grammar itself."""
    with pytest.raises(EngineFailed, match="grammar refused"):
        opened("public <top> = hello ( world;")


def test_no_grammar_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Empty is a choice."""
    assert open_grammar(find_model(""), " ") is None
    assert not caplog.records


def test_the_responders_grammar_compiles() -> None:
    """What the embedded responder can answer is a grammar for this recogniser."""
    grammar = open_grammar(find_model(""), jsgf())
    assert grammar is not None
    assert grammar.allows("what is twelve times seven")
    assert grammar.allows("set a timer for five minutes")
    assert not grammar.allows("the child almost hurt the small dog")
