"""What the parts of the dialect share."""

from __future__ import annotations

import pytest

from tests.dialects.realtime.client import Client
from voiceserver.dialects.realtime.call import milliseconds
from voiceserver.events import TextDelta


def test_position_of_the_microphone_in_milliseconds() -> None:
    """16 samples are one at 16 kHz; the rest is cut off."""
    assert milliseconds(16_015) == 1000


def test_event_out_of_order_is_logged_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Call and kind of event are; what was said never is."""
    Client().notify(TextDelta(3, "a secret"))
    [record] = caplog.records
    assert record.__dict__["call"] == "rtc_test"
    assert record.__dict__["event"] == "TextDelta"
    assert "secret" not in repr(record.__dict__)
