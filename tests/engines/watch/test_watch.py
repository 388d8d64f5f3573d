"""What is watched of a chain of providers, and who is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from tests.engines.providers.chain_bench import Bench, run
from tests.virtual_time import run_virtual
from voiceserver.engines.base import TextItem
from voiceserver.engines.watch.drift import Usual
from voiceserver.engines.watch.watch import Watch
from voiceserver.errors import ProviderFailed
from voiceserver.metrics import Metrics

USUAL = Usual(first_ms=[195.0 + n for n in range(40)], characters=[40.0] * 40, of=400)


def watch() -> tuple[Watch, list[dict[str, object]]]:
    told: list[dict[str, object]] = []
    observer = Watch(Metrics(), lambda: asyncio.get_running_loop().time())
    observer.tell = told.append
    return observer, told


async def said(*pieces: TextItem, after_s: float = 0.2) -> AsyncGenerator[TextItem]:
    await asyncio.sleep(after_s)
    for piece in pieces:
        yield piece


async def answered(observer: Watch, *pieces: TextItem, after_s: float = 0.2) -> None:
    async with aclosing(observer.watched("a", said(*pieces, after_s=after_s))) as items:
        assert [item async for item in items] == list(pieces)


def test_answers_as_usual_raise_nothing() -> None:
    """And pass as they are."""
    observer, told = watch()
    observer.compare({"a": USUAL})

    async def run_() -> None:
        for _ in range(50):
            await answered(observer, "", "It is half past nine, ", "and it rains.")

    run_virtual(run_())
    assert told == observer.standing == []


def test_a_slow_provider_is_told_of_once_and_when_it_is_over() -> None:
    """In metrics, to the operator and in what stands."""
    observer, told = watch()
    observer.compare({"a": USUAL})

    async def run_(after_s: float, n: int) -> None:
        for _ in range(n):
            await answered(
                observer, "It is half past nine, and it is raining.", after_s=after_s
            )

    run_virtual(run_(0.6, 60))
    (alarm,) = told
    assert alarm["signal"] == "first_words"
    assert alarm["now"] == pytest.approx(600, abs=1)
    assert observer.standing == [alarm]
    value = observer._metrics.registry.get_sample_value
    labels = {"provider": "a", "signal": "first_words"}
    assert value("voiceserver_provider_drift", labels) == 1
    run_virtual(run_(0.21, 120))
    assert [one["on"] for one in told] == [True, False]
    assert observer.standing == []
    assert value("voiceserver_provider_drift", labels) == 0
    assert value("voiceserver_drift_alarms_total", labels) == 1


def test_refusals_are_counted_and_no_text_is_told() -> None:
    """Whatever they say."""
    observer, told = watch()
    observer.compare({"a": USUAL})

    async def run_() -> None:
        for _ in range(60):
            await answered(observer, "I'm sorry, ", "I can't help with that. Xyzzy.")

    run_virtual(run_())
    assert "refusals" in [one["signal"] for one in told]
    assert "Xyzzy" not in str(told)


def test_another_model_than_the_pinned_one_alarms_at_once() -> None:
    """And is over with the first answer of the right one."""
    observer, told = watch()
    observer.failed("a", ProviderFailed("a", "another model answers", "pin"))
    observer.failed("a", ProviderFailed("a", "another model answers", "pin"))
    assert (
        told
        == observer.standing
        == [{"type": "voiceserver.drift", "provider": "a", "signal": "pin", "on": True}]
    )
    run_virtual(answered(observer, "Hello."))
    assert [one["on"] for one in told] == [True, False]


def test_a_chain_tells_of_failures_and_of_what_is_late() -> None:
    """Failures of every kind, also those that only the chain's own limits find."""
    observer, told = watch()
    late = Bench("hang", "ok", watch=observer)
    run(late.turn())
    drift = observer._drifts["a"]
    assert [one.failed for one in drift._learning] == [True]
    run(Bench("wrong-model", "ok", watch=observer).turn())
    assert [one["signal"] for one in told] == ["pin"]
