"""Which calls are kept, and for how long."""

from __future__ import annotations

import pytest

from voiceserver.config import RecordConfig
from voiceserver.config.parse import parse
from voiceserver.errors import ConfigError


def test_no_call_is_recorded_unless_somebody_says_so() -> None:
    """Not by a folder alone."""
    assert parse("").record.calls == "off"
    assert parse('[record]\nfolder = "kept"').record.calls == "off"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('calls = "always"', "needs folder"),
        ('calls = "yes"\nfolder = "kept"', "calls"),
        ('folder = "kept"\nmax_age_days = -1', "max_age_days"),
        ('folder = "kept"\nmax_gb = -0.5', "max_gb"),
    ],
)
def test_what_cannot_be_is_refused_by_name(text: str, named: str) -> None:
    """As everywhere in the configuration."""
    with pytest.raises(ConfigError, match=named):
        parse(f"[record]\n{text}")


def test_an_age_of_nothing_is_no_limit() -> None:
    """Nor is a size of nothing."""
    kept = RecordConfig("ask", "kept", 0, 0)
    assert (kept.max_age_days, kept.max_gb) == (0, 0)
