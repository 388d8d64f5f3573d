"""What the benchmark of a telephone's words sends through a call."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.hearing import Errors
from benchmarks.phone_words import difference, through
from voiceserver.audio import MIC_RATE, Samples, level_db


def tone() -> Samples:
    t = np.arange(MIC_RATE * 2) / MIC_RATE
    return (0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


@pytest.mark.parametrize("mime_type", ["audio/pcmu", "audio/g722"])
@pytest.mark.parametrize("loss", [0.0, 0.2])
def test_an_utterance_comes_whole_whatever_is_lost(mime_type: str, loss: float) -> None:
    """What is lost is made up; then the line is silent."""
    heard = through(tone(), mime_type, loss, seed=1)
    assert len(heard) / MIC_RATE == pytest.approx(2.4, abs=0.3)
    lost_db = level_db(tone()) - level_db(heard[: MIC_RATE * 2])
    assert lost_db < (0.5 if loss == 0 else 3)
    assert (lost_db > 0.05) is (loss > 0)


def test_a_difference_has_its_interval() -> None:
    """Of one wrong word more in ten of each recording."""
    one, other = [Errors(2, 10)] * 20, [Errors(1, 10)] * 20
    assert difference(one, other) == {"points": 10.0, "low": 10.0, "high": 10.0}
