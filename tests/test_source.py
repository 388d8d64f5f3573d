"""What a reply answers."""

from __future__ import annotations

from voiceserver.source import Source


def test_two_replies_share_no_metadata() -> None:
    """What a client attached to one is not echoed in the other."""
    one, other = Source(), Source()
    one.metadata["a"] = "b"
    assert other.metadata == {}
