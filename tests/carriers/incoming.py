"""What a carrier makes its call of, with scripted engines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.fakes import FakeRecogniser, FakeSpeech, FakeText, FakeVad
from tests.virtual_time import VirtualClock
from voiceserver.carriers.base import Incoming
from voiceserver.clock import Clock
from voiceserver.config import Config
from voiceserver.dialects.realtime.dialect import Realtime
from voiceserver.engines.opened import Engines
from voiceserver.metrics import Metrics
from voiceserver.session.ports import CallParts, DialectKind

EXTENDED = {"extensions": "voiceserver"}


def incoming(
    config: Config | None = None,
    recogniser: Any = None,
    text: Any = None,
    speech: Any = None,
    clock: Clock | None = None,
    metrics: Metrics | None = None,
    dialect: DialectKind | None = None,
    address: Mapping[str, str] | None = None,
) -> Incoming:
    """A call that comes in, in virtual time unless a clock is given."""
    engines = Engines(
        FakeVad(),
        recogniser or FakeRecogniser(),
        text or FakeText(words=4),
        speech or FakeSpeech(),
    )
    parts = CallParts(
        "rtc_test",
        config or Config(),
        engines,
        clock or VirtualClock(),
        metrics or Metrics(),
    )
    asked = EXTENDED if address is None else address
    return Incoming(parts, dialect or Realtime(), asked)
