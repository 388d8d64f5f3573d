"""``[drift]``."""

from __future__ import annotations

import pytest

from voiceserver.config import DriftConfig


def test_a_webhook_is_an_address_of_the_web() -> None:
    """Or none."""
    assert DriftConfig().webhook == ""
    assert DriftConfig(webhook="https://a.example/x")
    with pytest.raises(ValueError, match="must start with http"):
        DriftConfig(webhook="ftp://a.example")
