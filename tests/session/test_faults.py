"""What a client is told of an error that ended its call."""

from __future__ import annotations

import pytest

from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics
from voiceserver.session.faults import told_of


@pytest.mark.parametrize("depth", ["alone", "group", "nested"])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (EngineFailed("speech", "is away"), "speech: is away"),
        (ZeroDivisionError("secret detail"), "internal error"),
    ],
)
def test_only_our_own_words_are_told(error: Exception, told: str, depth: str) -> None:
    """And either is counted by its kind, however many task groups it came through."""
    metrics = Metrics()
    group = ExceptionGroup("call", [error])
    failed = {"alone": error, "group": group, "nested": ExceptionGroup("out", [group])}
    assert told_of(failed[depth], "rtc_1", metrics) == told
    labels = {"where": "session", "kind": type(error).__name__}
    count = metrics.registry.get_sample_value("voiceserver_faults_total", labels)
    assert count == 1
