"""The closed sets of events and commands."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import get_args

from voiceserver import commands, events


def test_there_are_sixteen_events() -> None:
    """One more needs a change of ARCHITECTURE.md."""
    assert len(get_args(events.Event)) == 16


def test_events_and_commands_cannot_be_changed() -> None:
    """They are shared by the writer, the dialect and tests."""
    assert all(
        is_dataclass(kind) and "__setattr__" in vars(kind)  # what frozen adds
        for kind in (*get_args(events.Event), *get_args(commands.Command))
    )
