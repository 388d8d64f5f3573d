"""The closed set of what can be decided about the floor."""

from __future__ import annotations

from typing import get_args

from voiceserver.turns.actions import Action, Begin, OfReply


def test_every_action_is_carried_out_by_one_part() -> None:
    """The groups share none, and all are in the set; a reply's own name no number."""
    begins, of_reply = set(get_args(Begin)), set(get_args(OfReply))
    assert not begins & of_reply
    assert begins | of_reply < set(get_args(Action))
    assert all("turn" in kind.__dataclass_fields__ for kind in begins)
    assert not any("turn" in kind.__dataclass_fields__ for kind in of_reply)
