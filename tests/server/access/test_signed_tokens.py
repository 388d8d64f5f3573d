"""Tokens that are good at every host."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.server.access.signed_tokens import MAX_LENGTH, SignedTokens
from voiceserver.server.answers import Refusal

OLD, NEW = b"o" * 32, b"n" * 32
SESSION = {"type": "realtime", "instructions": "Sei höflich. " * 50}


def test_what_one_host_makes_another_takes() -> None:
    """With session, key and end, though it has never heard of it."""
    here, there = SignedTokens([NEW], lambda: 0.0), SignedTokens([NEW], lambda: 59.0)
    value, expires_s = here.new(SESSION, 60, "k")
    assert value.startswith("ek_")
    assert expires_s == 60
    kept = there.find(value)
    assert kept is not None
    assert (kept.session, kept.key_name, kept.expires_s) == (SESSION, "k", 60.0)
    assert SignedTokens([NEW], lambda: 60.0).find(value) is None
    assert not list(here.all())


def test_keys_change_without_a_break() -> None:
    """The second is taken; what is made, the first one signs."""
    old, both, new = SignedTokens([OLD]), SignedTokens([NEW, OLD]), SignedTokens([NEW])
    assert both.find(old.new({}, 60)[0])
    assert new.find(both.new({}, 60)[0])
    assert not new.find(old.new({}, 60)[0])


def test_a_session_that_no_header_holds_is_refused_at_once() -> None:
    """With what to do; what is long and plain fits."""
    tokens = SignedTokens([NEW])
    assert len(tokens.new({"instructions": "word " * 5_000}, 60)[0]) < MAX_LENGTH
    noise = "".join(random.Random(1).choices(string.ascii_letters, k=8_000))
    with pytest.raises(Refusal, match=r"session\.update") as refused:
        tokens.new({"instructions": noise}, 60)
    assert refused.value.status == 400


@given(st.text(max_size=80), st.integers(0, 500))
def test_nothing_else_is_a_token(text: str, at: int) -> None:
    """Neither what was never one nor one with a letter changed."""
    tokens = SignedTokens([NEW])
    value, _ = tokens.new({}, 60)
    assert tokens.find(text) is None
    assert tokens.find("ek_" + text) is None
    at %= len(value)
    other = value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :]
    # The last letter of base64 has bits that mean nothing; it still must be the same.
    assert tokens.find(other) is None
