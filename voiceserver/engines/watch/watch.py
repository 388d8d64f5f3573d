"""Watches the text providers of a server: their drift is logged, counted and told.

What is watched are numbers about answers; no text is kept. Each process watches the
calls that it holds. Decides about no turn and no provider.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from voiceserver.engines.base import TextItem
from voiceserver.engines.watch.drift import Alarm, Answered, Drift, Usual
from voiceserver.engines.watch.reading import Reading
from voiceserver.engines.watch.refusal import LOOKED_AT, declines
from voiceserver.errors import EngineFailed, ProviderFailed
from voiceserver.metrics import Metrics

log = logging.getLogger(__name__)

PIN = "pin"  # the signal of an answer by another model than the pinned one


class Asking:
    """One asking of a provider, which is observed once it is over, and judged.

    Args:
        observe: Takes how it went.
        judged: Whether what it begins to say may be judged before it is said.
    """

    def __init__(self, observe: Callable[[Answered], None], judged: bool) -> None:
        self._observe = observe
        self._waits = judged
        self._answer: Answered | None = None
        self._confidence: float | None = None
        self._escalated = False

    def over(self, answer: Answered) -> None:
        """It has ended so."""
        self._answer = answer
        self._tell()

    def judged(self, confidence: float) -> None:
        """Its beginning was judged; whether it is said may still be open."""
        self._confidence = confidence

    def settled(self, escalated: bool = False) -> None:
        """It is said, dropped, or another model's is said in its place."""
        self._waits, self._escalated = False, escalated or self._escalated
        self._tell()

    def _tell(self) -> None:
        if self._answer is None or self._waits:
            return
        answer, self._answer = self._answer, None
        confidence, escalated = self._confidence, self._escalated
        self._observe(replace(answer, confidence=confidence, escalated=escalated))


class Watch:
    """What is known of each provider's drift.

    Args:
        metrics: Of the server.
        now_s: A clock, in seconds.

    Attributes:
        tell: Given each alarm as JSON, to be sent to the operator.
        noticed: Given provider and signal of an alarm that comes on, and provider and
            ``""`` of each failure.
    """

    def __init__(self, metrics: Metrics, now_s: Callable[[], float]) -> None:
        self.tell: Callable[[dict[str, object]], None] = lambda _alarm: None
        self.noticed: Callable[[str, str], None] = lambda _provider, _signal: None
        self._metrics = metrics
        self._now_s = now_s
        self._drifts: dict[str, Drift] = defaultdict(Drift)
        self._mistaken: set[str] = set()  # providers whose pin does not hold

    @property
    def standing(self) -> list[dict[str, object]]:
        """The alarms that are on now, as JSON."""
        pins = [_pin(provider, True) for provider in sorted(self._mistaken)]
        return pins + [
            _told(provider, Alarm(signal, shift))
            for provider, drift in self._drifts.items()
            for signal, shift in drift.alarmed.items()
        ]

    def compare(self, usual: Mapping[str, Usual]) -> None:
        """Take what is usual by provider; who is not in it is learnt."""
        for provider, before in usual.items():
            self._drifts[provider] = Drift(before)

    def usual(self, provider: str) -> Usual | None:
        """What is usual of a provider; None while too little is known."""
        return self._drifts[provider].usual

    def asking(self, provider: str, judged: bool) -> Asking:
        """Return what is to be told how an asking of a provider goes."""
        return Asking(partial(self.observe, provider), judged)

    async def watched(
        self,
        provider: str,
        items: AsyncGenerator[TextItem, None],
        asking: Asking | None = None,
    ) -> AsyncGenerator[TextItem, None]:
        """Give an answer on, and observe it; one that fails is told to ``failed``.

        Args:
            provider: Whose.
            items: The answer.
            asking: Is told how it went; None observes it at its end.

        Raises:
            EngineFailed: As the answer does.
        """
        asking = asking or self.asking(provider, False)
        reading = Reading(self._now_s)
        try:
            async with aclosing(items):
                async for item in items:
                    reading.take(item)
                    yield item
        except GeneratorExit:
            if reading.first_ms is not None:  # how long it would be is not known
                asking.over(_answered(reading, None))
            raise
        self._pinned(provider, True)
        # A call of a tool has no length.
        asking.over(_answered(reading, len(reading.text) or None))

    def observe(self, provider: str, answer: Answered) -> None:
        """Take how an asking went; tell of what has changed by it."""
        for alarm in self._drifts[provider].observe(answer):
            self._alarm(provider, alarm.signal, _told(provider, alarm))

    def failed(self, provider: str, failure: EngineFailed) -> None:
        """Take that a provider failed, or was late."""
        kind = failure.kind if isinstance(failure, ProviderFailed) else "error"
        if kind == PIN:
            self._pinned(provider, False)
        self.observe(provider, Answered(failed=True))
        self.noticed(provider, "")

    def _pinned(self, provider: str, holds: bool) -> None:
        if holds is (provider not in self._mistaken):
            return
        self._mistaken.discard(provider) if holds else self._mistaken.add(provider)
        self._alarm(provider, PIN, _pin(provider, not holds))

    def _alarm(self, provider: str, signal: str, told: dict[str, object]) -> None:
        on = bool(told["on"])
        self._metrics.drift.labels(provider, signal).set(on)
        if on:
            self._metrics.drift_alarms.labels(provider, signal).inc()
        log.warning(
            "a provider answers otherwise than it used to"
            if on
            else "a provider answers as it used to again",
            extra={key: value for key, value in told.items() if key != "type"},
        )
        self.tell(told)
        if on:
            self.noticed(provider, signal)


def _answered(reading: Reading, characters: int | None) -> Answered:
    refused = declines(reading.text[:LOOKED_AT])
    return Answered(reading.first_ms, characters, refused=refused)


def _told(provider: str, alarm: Alarm) -> dict[str, object]:
    told: dict[str, object] = {
        "type": "voiceserver.drift",
        "provider": provider,
        "signal": alarm.signal,
        "on": alarm.shift is not None,
    }
    if alarm.shift is not None:
        told |= {
            "usual": round(alarm.shift.usual, 3),
            "now": round(alarm.shift.now, 3),
            "answers": alarm.shift.over,
            "sigmas": alarm.shift.sigmas,
        }
    return told


def _pin(provider: str, on: bool) -> dict[str, object]:
    return {
        "type": "voiceserver.drift",
        "provider": provider,
        "signal": PIN,
        "on": on,
    }
