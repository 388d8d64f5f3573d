"""Who is asked about calls."""

from __future__ import annotations

import pytest

from voiceserver.config.call_webhook import CallWebhookConfig
from voiceserver.config.parse import parse
from voiceserver.errors import ConfigError


def test_nobody_is_asked_unless_somebody_is_named() -> None:
    """And a table of it is read."""
    assert not CallWebhookConfig().url
    text = '[sip.webhook]\nurl = "https://a.example/x"\nsecret_env = "SECRET"'
    assert parse(text).sip.webhook.undecided == "answer"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('url = "a.example"\nsecret_env = "A"', "url must be like"),
        ('url = "https://a.example"', "given together"),
        ('secret_env = "A"', "given together"),
        ("limit_s = 0.5", "limit_s must be"),
        ('undecided = "wait"', "must be one of"),
    ],
)
def test_what_cannot_be_is_said(text: str, message: str) -> None:
    """With the table's name."""
    with pytest.raises(ConfigError, match=message):
        parse(f"[sip.webhook]\n{text}")
