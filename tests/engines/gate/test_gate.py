"""Whether a beginning is said."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from voiceserver.engines.gate.calibration import (
    Calibration,
    Isotonic,
    Reliability,
    written,
)
from voiceserver.engines.gate.confidence import Beginning
from voiceserver.engines.gate.gate import Gate, enough_tokens, opened_gate
from voiceserver.errors import ConfigError

MAP = Isotonic((-3.0, 0.0), (0.1, 0.9))
OF = Calibration("p", "m-1", {"logprobs+text": MAP, "text": MAP})


def gate(least: float = 0.5) -> Gate:
    return Gate(least, {"p": OF}, 1.5)


def test_what_is_likely_right_passes() -> None:
    """And what is not does not; both say by what they were judged."""
    good = gate().judge("p", Beginning("It is Paris.", "", (-0.1,) * 8))
    bad = gate().judge("p", Beginning("It is Lyon.", "", (-2.5,) * 8))
    assert good.passes and good.confidence > 0.8 and good.source == "logprobs+text"
    assert not bad.passes and bad.confidence < 0.3


def test_without_log_probabilities_the_text_alone_is_judged() -> None:
    """And that is told."""
    judged = gate().judge("p", Beginning("I think it might be Paris."))
    assert (judged.source, judged.faults) == ("text", ("hedging",))
    assert judged.confidence < 0.5 and not judged.passes


def test_a_source_that_was_not_calibrated_falls_back_on_the_text() -> None:
    """A provider that tells probabilities only now."""
    text_alone = Gate(0.5, {"p": Calibration("p", "m", {"text": MAP})}, 1.5)
    judged = text_alone.judge("p", Beginning("Yes.", "", (-9.0,) * 8))
    assert (judged.source, judged.passes) == ("text", True)


@pytest.mark.parametrize("text", ["...", "<tool_call>", "**Paris**"])
def test_what_cannot_be_spoken_never_passes(text: str) -> None:
    """Whatever the calibration makes of it."""
    certain = Calibration("p", "m", {"text": Isotonic((0.0,), (1.0,))})
    assert not Gate(0.1, {"p": certain}, 1.0).judge("p", Beginning(text)).passes


def test_a_clause_has_tokens_enough_or_ends_a_sentence() -> None:
    """Or there are none to be had."""
    assert enough_tokens("Well, it", 0) and enough_tokens("Well, it", 8)
    assert enough_tokens("Yes. ", 2) and not enough_tokens("Well, ", 2)


def test_what_its_maps_are_worth_is_told() -> None:
    """For the operator's page: by provider and source."""
    worth = Reliability(100, 0.03, ((0.25, 0.2, 40), (0.8, 0.9, 60)))
    gate = Gate(0.5, {"p": replace(OF, measured={"text": worth})}, 1.5)
    assert gate.reliability == [
        {"provider": "p", "model": "m-1", "source": "text"} | asdict(worth)
    ]
    assert not Gate(0.5, {"p": OF}, 1.5).reliability


def test_a_threshold_needs_a_calibration_of_this_very_model(tmp_path: Path) -> None:
    """Each refusal says what to run."""
    file = tmp_path / "gate.json"
    file.write_text(written({"p": OF}, {}))

    def opened(path: str, **models: str) -> Gate:
        return opened_gate(path, 0.5, models, 1.5)

    assert opened(str(file), p="m-1").judges("p")
    with pytest.raises(ConfigError, match="needs a calibration: run voiceserver cali"):
        opened("", p="m-1")
    with pytest.raises(ConfigError, match="'m-1', not 'm-2': run voiceserver calibra"):
        opened(str(file), p="m-2")
    with pytest.raises(ConfigError, match="has none of 'q': run voiceserver calibrat"):
        opened(str(file), q="m-1")
    with pytest.raises(ConfigError, match=r"none\.json"):
        opened(str(tmp_path / "none.json"), p="m-1")
