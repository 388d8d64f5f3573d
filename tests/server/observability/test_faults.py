"""Errors that end in the event loop."""

from __future__ import annotations

import asyncio
import logging

import pytest

from voiceserver.metrics import Metrics
from voiceserver.server.observability.faults import FaultLog


def test_a_flood_of_errors_is_counted_but_not_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line in ten seconds for each kind, saying how many were left out."""
    metrics, now_s = Metrics(), [0.0]
    log = FaultLog(metrics, lambda: now_s[0])
    loop = asyncio.new_event_loop()
    try:
        with caplog.at_level(logging.ERROR):
            for _ in range(200):
                log(loop, {"message": "x", "exception": ValueError("packet")})
            log(loop, {"message": "slow"})
            now_s[0] = 10.0
            log(loop, {"message": "x", "exception": ValueError("packet")})
    finally:
        loop.close()
    assert [vars(record)["skipped"] for record in caplog.records] == [0, 0, 199]
    value = metrics.registry.get_sample_value(
        "voiceserver_faults_total", {"where": "loop", "kind": "ValueError"}
    )
    assert value == 201
