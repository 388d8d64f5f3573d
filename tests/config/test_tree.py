"""The ranges that settings check by themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from voiceserver.config import (
    RecogniserConfig,
    ServerConfig,
    SpeechConfig,
    TextProvider,
    TurnConfig,
)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ServerConfig(port=65_536), "port must be 0..65535"),
        (lambda: ServerConfig(max_calls=0), "max_calls must be at least 1"),
        (lambda: ServerConfig(max_call_s=0), "max_call_s must be at least 1"),
        (lambda: TurnConfig(threshold=1.0), "threshold must be in"),
        (lambda: TurnConfig(silence_ms=99), "silence_ms must be 100..10000"),
        (lambda: TurnConfig(cap_ms=299), "cap_ms must not be below complete_ms"),
        (lambda: RecogniserConfig(processes=0), "processes must be 1..64"),
        (lambda: SpeechConfig(speed=4.1), "speed must be 0.25..4"),
        (lambda: TextProvider("a", "example.org", "m"), "base_url must start with"),
    ],
)
def test_a_value_out_of_range_is_refused(
    make: Callable[[], object], words: str
) -> None:
    """Naming the setting and its range."""
    with pytest.raises(ValueError, match=words):
        make()
