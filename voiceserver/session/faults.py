"""The session edge: what becomes of an error that ended a call.

Counted, classified, logged; the client learns our own words, never those of a bug.
"""

from __future__ import annotations

import logging

from voiceserver.errors import VoiceServerError, first
from voiceserver.metrics import Metrics

log = logging.getLogger(__name__)


def told_of(failed: Exception, call_id: str, metrics: Metrics) -> str:
    """Count and log what ended a call; return what to tell its client.

    Args:
        failed: The error; of a group the first in it.
        call_id: For the log.
        metrics: Where it is counted.
    """
    error = first(failed)
    expected = isinstance(error, VoiceServerError)
    metrics.faults.labels("session", type(error).__name__).inc()
    log.error(
        "a call ended by a fault",
        extra={"call": call_id, "kind": type(error).__name__},
        exc_info=None if expected else error,
    )
    return str(error) if expected else "internal error"
