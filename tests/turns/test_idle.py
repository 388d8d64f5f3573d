"""A user's long silence: counted, broken, and what follows if it goes on."""

from __future__ import annotations

import pytest

from voiceserver.config import TurnConfig
from voiceserver.events import IdleElapsed
from voiceserver.turns.actions import (
    Action,
    AwaitUser,
    BreakSilence,
    Leave,
    Say,
    Tell,
)
from voiceserver.turns.idle import SILENT, Idle

ELAPSED = IdleElapsed(0, 9)
BROKEN = [Tell(ELAPSED), AwaitUser(0)]


@pytest.mark.parametrize(
    ("config", "actions"),
    [
        (TurnConfig(), []),
        (TurnConfig(idle_ms=5000, create_reply=False), [Tell(ELAPSED)]),
        (TurnConfig(idle_ms=5000), [*BROKEN, BreakSilence(7)]),
        (TurnConfig(idle_ms=5000, idle_line="Hello?"), [*BROKEN, Say(7, "Hello?")]),
    ],
)
def test_it_is_broken_as_the_settings_say(
    config: TurnConfig, actions: list[Action]
) -> None:
    """A reply takes the floor only where one is begun."""
    assert Idle().elapsed(ELAPSED, config, lambda: 7) == actions


def test_who_began_to_speak_is_not_asked() -> None:
    """Until it is counted anew."""
    idle, config = Idle(), TurnConfig(idle_ms=5000)
    idle.begins()
    assert idle.elapsed(ELAPSED, config, lambda: 7) == []
    assert idle.counted(config) == AwaitUser(5000)
    assert idle.elapsed(ELAPSED, config, lambda: 7)[-1] == BreakSilence(7)


def test_after_so_many_in_a_row_the_call_is_left() -> None:
    """Whoever was heard in between is there."""
    idle = Idle()
    config = TurnConfig(idle_ms=5000, idle_asks=1, idle_goodbye="Bye.")
    for _ in range(2):
        assert idle.elapsed(ELAPSED, config, lambda: 7)[-1] == BreakSilence(7)
        idle.spoke()
    idle.elapsed(ELAPSED, config, lambda: 7)
    assert idle.elapsed(ELAPSED, config, lambda: 7)[-1] == Leave(SILENT, "Bye.")
