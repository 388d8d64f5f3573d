"""Layers in bfloat16: near what they were, and only where that is faster."""

from __future__ import annotations

import pytest
import torch

from voiceserver.voice.networks import precision
from voiceserver.voice.networks.precision import halve, pays
from voiceserver.voice.networks.vocoder import ConvNeXtBlock

WIDTH = 32


def blocks() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return torch.nn.Sequential(*[ConvNeXtBlock(WIDTH) for _ in range(3)]).eval()


@torch.no_grad()
def test_halved_blocks_say_nearly_the_same() -> None:
    """What goes in and comes out is float32 still."""
    whole, half = blocks(), blocks()
    halve(half)
    frames = torch.randn(1, 40, WIDTH)
    out, near = whole(frames), half(frames)
    assert near.dtype is torch.float32
    assert 0 < (near - out).abs().max() < 0.01 * (out - frames).abs().max()


@torch.no_grad()
def test_halved_weights_are_stored_once() -> None:
    """Two bytes a weight of both layers, and nothing kept beside them."""
    half = blocks()
    halve(half)
    wide = [p for p in half.parameters() if p.numel() > WIDTH * WIDTH]
    assert len(wide) == 6
    assert all(p.dtype is torch.bfloat16 for p in wide)


@pytest.mark.parametrize(("half_s", "worth"), [(0.5, True), (0.9, False), (2.0, False)])
def test_it_pays_by_the_measured_time_alone(
    monkeypatch: pytest.MonkeyPatch, half_s: float, worth: bool
) -> None:
    """Of both ways, the one in float32 first."""
    times = iter([1.0, half_s])
    monkeypatch.setattr(precision, "_best_s", lambda step: next(times))
    assert pays(WIDTH) is worth


def test_the_measurement_runs_here() -> None:
    """Whatever its answer is on this processor."""
    assert pays(WIDTH) in (True, False)
