"""The precision that is taken is the one that is faster here."""

from __future__ import annotations

import pytest
import torch

from voiceserver.voice.networks import precision
from voiceserver.voice.networks.precision import fastest

WIDTH = 32


@pytest.mark.parametrize(
    ("packed_s", "half_s", "found"),
    [
        (0.8, 0.4, torch.bfloat16),
        (0.8, 0.75, torch.float32),
        (0.99, 0.7, torch.bfloat16),
        (0.99, 0.9, None),
        (2.0, 3.0, None),
    ],
)
def test_it_is_chosen_by_the_measured_time_alone(
    monkeypatch: pytest.MonkeyPatch,
    packed_s: float,
    half_s: float,
    found: torch.dtype | None,
) -> None:
    """Another precision must gain more than another layout must."""
    monkeypatch.setattr(precision, "_best_s", lambda steps: [1.0, packed_s, half_s])
    assert fastest(WIDTH) is found


def test_the_measurement_runs_here() -> None:
    """Whatever its answer is on this processor."""
    assert fastest(WIDTH) in (None, torch.float32, torch.bfloat16)
