"""Turn detection: partial updates and the turn-taking settings behind them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voiceserver.config import TurnConfig
from voiceserver.dialects.realtime.vad import (
    SemanticVad,
    ServerVad,
    TurnDetection,
    default_detection,
    turn_config,
    update_detection,
)
from voiceserver.errors import BadRequest

CONFIG = TurnConfig(confirm_ms=450)
DEFAULT = default_detection(CONFIG)


def patched(current: TurnDetection | None, patch: object) -> TurnDetection | None:
    return update_detection(current, patch, "session.td", CONFIG)


def test_patch_keeps_what_it_does_not_name() -> None:
    """A threshold alone does not switch turn detection off."""
    assert patched(DEFAULT, {"threshold": 0.8}) == replace(DEFAULT, threshold=0.8)


def test_same_type_is_a_patch() -> None:
    """Naming the type that holds already resets nothing."""
    current = replace(DEFAULT, silence_duration_ms=900)
    assert patched(current, {"type": "server_vad"}) == current


def test_other_type_replaces_the_object() -> None:
    """Its defaults are filled in."""
    assert patched(DEFAULT, {"type": "semantic_vad"}) == SemanticVad()
    semantic = SemanticVad("low", interrupt_response=False)
    assert patched(semantic, {"type": "server_vad"}) == DEFAULT


def test_null_switches_off_and_a_patch_on_again() -> None:
    """From nothing, server_vad is the type that is meant."""
    assert patched(DEFAULT, None) is None
    on = patched(None, {"silence_duration_ms": 300})
    assert on == replace(DEFAULT, silence_duration_ms=300)


@pytest.mark.parametrize(
    "patch",
    [
        {"type": "none"},
        {"type": 5},
        {"threshold": 1.1},
        {"silence_duration_ms": 50},
        {"silence_duration_ms": 20_000},
        {"prefix_padding_ms": -1},
        {"eagerness": "high"},
        {"type": "semantic_vad", "threshold": 0.5},
        {"type": "semantic_vad", "eagerness": "very"},
        {"interrupt_response": 1},
        [],
        "server_vad",
    ],
)
def test_what_is_wrong_is_refused(patch: object) -> None:
    """Out of range, of the other type, or no object."""
    with pytest.raises(BadRequest):
        patched(DEFAULT, patch)


def test_server_vad_is_the_fixed_policy() -> None:
    """Its numbers, and of everything else the server's."""
    vad = ServerVad(0.6, 200, 400, create_response=False, interrupt_response=False)
    turn = turn_config(vad, CONFIG)
    assert turn == replace(
        CONFIG,
        policy="fixed",
        threshold=0.6,
        threshold_playing=0.7,
        prefix_ms=200,
        silence_ms=400,
        create_reply=False,
        interrupt=False,
    )


@pytest.mark.parametrize(("asked", "used"), [(0.0, 0.16), (1.0, 0.99)])
def test_extreme_thresholds_are_brought_into_range(asked: float, used: float) -> None:
    """The protocol allows 0..1, the gate's hysteresis less."""
    assert turn_config(replace(DEFAULT, threshold=asked), CONFIG).threshold == used


@pytest.mark.parametrize(
    ("eagerness", "silences"),
    [
        ("high", (300, 500, 1000, 2000, 800)),
        ("medium", (400, 800, 1600, 3000, 1200)),
        ("auto", (400, 800, 1600, 3000, 1200)),
        ("low", (600, 1200, 2400, 8000, 1600)),
    ],
)
def test_semantic_vad_is_the_graded_policy(
    eagerness: str, silences: tuple[int, ...]
) -> None:
    """One row of silences for each eagerness."""
    turn = turn_config(SemanticVad(eagerness), CONFIG)
    assert turn.policy == "graded"
    assert silences == (
        turn.complete_ms,
        turn.unclear_ms,
        turn.incomplete_ms,
        turn.cap_ms,
        turn.max_unclear_ms,
    )
    assert turn.confirm_ms == 450


def test_off_neither_answers_nor_interrupts() -> None:
    """The client asks for each reply."""
    turn = turn_config(None, CONFIG)
    assert not turn.create_reply
    assert not turn.interrupt
