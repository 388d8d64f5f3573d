"""What a router knows of a conversation."""

from __future__ import annotations

from voiceserver.routing.turns import LONGEST, Turn


def test_a_turn_is_looked_at_up_to_a_bound() -> None:
    """Its words are made once."""
    assert Turn("One, two.").words == ("one", "two")
    assert len(Turn("a " * 3000).words) == LONGEST
