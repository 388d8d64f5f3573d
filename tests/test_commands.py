"""What a client may ask for."""

from __future__ import annotations

from voiceserver.commands import call_key, reply_key, utterance_key


def test_keys_of_different_things_differ() -> None:
    """An utterance, a reply and a call of the same number."""
    assert len({utterance_key(1), reply_key(1), call_key("1")}) == 3
