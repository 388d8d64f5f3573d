"""Tokens in place of a key."""

from __future__ import annotations

import pytest

from voiceserver.server.access.tokens import MAX_TOKENS, Tokens
from voiceserver.server.answers import Refusal


def test_a_token_holds_until_it_expires() -> None:
    """And may be used again until then."""
    now_s = 1000.0
    tokens = Tokens(lambda: now_s)
    value, expires_s = tokens.new({"model": "m"}, 60)
    assert expires_s == 1060
    assert value.startswith("ek_")
    now_s = 1059.0
    for _ in range(2):
        kept = tokens.find(value)
        assert kept is not None and kept.session == {"model": "m"}
    now_s = 1060.0
    assert tokens.find(value) is None
    assert tokens.find("ek_guessed") is None


def test_tokens_are_bounded_and_make_room_by_expiring() -> None:
    """One too many is refused until the others are over."""
    now_s = 0.0
    tokens = Tokens(lambda: now_s)
    for _ in range(MAX_TOKENS):
        tokens.new({}, 10)
    with pytest.raises(Refusal):
        tokens.new({}, 10)
    now_s = 11.0
    tokens.new({}, 10)
