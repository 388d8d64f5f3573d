"""The ranges of the settings of turn-taking."""

from __future__ import annotations

from typing import Any

import pytest

from voiceserver.config import TurnConfig


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"threshold": 1.0}, "threshold must be in"),
        ({"threshold_playing": 0.15}, "threshold_playing must be in"),
        ({"silence_ms": 99}, "silence_ms must be 100..10000"),
        ({"cap_ms": 299}, "cap_ms must not be below complete_ms"),
        ({"patience_ms": 2001}, "patience_ms must be 0..2000"),
        ({"certainty": 1.0}, "certainty must be 0.5..0.99"),
        ({"prefix_ms": -1}, "prefix_ms must be 0..2000"),
        ({"idle_ms": 999}, "idle_ms must be 0 or 1000..600000"),
        ({"max_utterance_s": 0}, "max_utterance_s must be 1..600"),
    ],
)
def test_a_value_out_of_range_is_refused(wrong: dict[str, Any], words: str) -> None:
    """Naming the setting and its range."""
    with pytest.raises(ValueError, match=words):
        TurnConfig(**wrong)


def test_the_server_never_speaks_up_by_itself_unless_it_is_told_to() -> None:
    """No silence is too long, then; the shortest that may be is a second."""
    assert TurnConfig().idle_ms == 0
    assert TurnConfig(idle_ms=1000).idle_ms == 1000
