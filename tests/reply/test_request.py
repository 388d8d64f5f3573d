"""What a reply is asked for."""

from __future__ import annotations

from voiceserver.reply.request import Source


def test_source_of_nothing_answers_the_conversation() -> None:
    """No utterance, no words of its own, kept like any other."""
    source = Source()
    assert source.answer
    assert source.messages is None
    assert not source.aside
