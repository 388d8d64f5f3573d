"""Turns whose cheap answer is judged before it is spoken, in virtual time."""

from __future__ import annotations

import pytest

from tests.reply.test_provider_turns import Providers, check
from voiceserver.config import RouterConfig
from voiceserver.engines.gate.calibration import Calibration, Isotonic
from voiceserver.engines.gate.gate import Gate
from voiceserver.engines.providers.tiers import Tiers, router_weights
from voiceserver.routing.router import Router

MAP = Isotonic((-3.0, 0.0), (0.1, 0.9))
MAPS = {"logprobs+text": MAP, "text": MAP}
STRONG = ["ok", "hang", "500", "slow:900", "stall:1", "cut:1", "empty"]


def gated(strong: str, logprob: float | None, speculations: int) -> Providers:
    talk = Providers("ok", strong, speculations=speculations)
    cheap = talk.transport.services["a"]
    cheap.logprob = logprob
    cheap.deltas = ("An ", "apple ", "is ", "round ", "and ", "sweet. ")
    router = Router(RouterConfig(0.1), router_weights())
    talk.chain._tiers = (Tiers(router), ["simple", "complex"])
    talk.chain._gate = Gate(0.5, {"a": Calibration("a", "ok", MAPS)}, 1.5)
    return talk


@pytest.mark.parametrize("speculations", [0, 3])
@pytest.mark.parametrize("strong", STRONG)
def test_some_audio_sounds_within_700_ms_whatever_is_asked_again(
    strong: str, speculations: int
) -> None:
    """And an answer after it: the strong one's, or the doubted one after all."""
    talk = gated(strong, -2.9, speculations)
    [record] = talk.talk()
    assert record.any_audio_ms is not None and record.any_audio_ms <= 700
    assert record.first_audio_ms is not None
    assert record.confidence is not None and record.confidence < 0.5
    assert record.answered_by == ("b" if strong == "ok" else "a")
    assert ("text.escalated" in record.steps) == (record.answered_by == "b")
    check(talk)


@pytest.mark.parametrize("logprob", [-0.05, None])
def test_an_answer_begun_on_a_guess_is_judged_while_the_user_is_silent(
    logprob: float | None,
) -> None:
    """It costs nothing after the commit: as soon as without a gate."""
    with_gate = gated("ok", logprob, 3)
    [record] = with_gate.talk()
    assert record.answered_by == "a" and record.speculation == "held"
    assert record.confidence is not None and record.confidence > 0.5
    without = gated("ok", logprob, 3)
    without.chain._gate = None
    [plain] = without.talk()
    assert record.first_audio_ms is not None and plain.first_audio_ms is not None
    assert record.first_audio_ms - plain.first_audio_ms <= 5
