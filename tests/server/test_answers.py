"""Errors become answers."""

from __future__ import annotations

import json

import pytest

from voiceserver.errors import (
    BadAudio,
    BadRequest,
    BudgetExceeded,
    ConfigError,
    EngineFailed,
    Overloaded,
    SessionEnded,
)
from voiceserver.server.answers import busy, error_answer, invalid, refusal_of


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (invalid("no", "speed"), 400, "invalid_value"),
        (busy("full", "full"), 503, "full"),
        (BadRequest("no", "invalid_sdp"), 400, "invalid_sdp"),
        (BadRequest("no", "invalid_value", "voice"), 400, "invalid_value"),
        (BadAudio("no"), 400, "invalid_audio"),
        (Overloaded("full"), 503, "overloaded"),
        (SessionEnded("over"), 409, "session_ended"),
        (EngineFailed("speech", "gone"), 503, "engine_failed"),
        (BudgetExceeded("speech", 10), 503, "engine_failed"),
        (TimeoutError(), 408, "timeout"),
        (ConfigError("inside"), 500, "internal_error"),
        (ValueError("inside"), 500, "internal_error"),
    ],
)
def test_each_error_has_its_status(error: Exception, status: int, code: str) -> None:
    """Ours speak for themselves; the rest tells nothing of the inside."""
    answer = error_answer(refusal_of(error))
    content = json.loads(answer.text or "")["error"]
    assert (answer.status, content["code"]) == (status, code)
    assert "inside" not in content["message"]
    assert (content["type"] == "server_error") == (status >= 500)
    assert ("Retry-After" in answer.headers) == (status == 503)
