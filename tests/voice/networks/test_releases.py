"""Stops: where they are, and what is made of them."""

from __future__ import annotations

import pytest
import torch

from voiceserver.voice.networks.features import N_MELS
from voiceserver.voice.networks.releases import MOST, REACH, sharpened, stop_frames
from voiceserver.voice.words.phones import INDEX


def test_a_stop_is_marked_with_a_frame_to_each_side() -> None:
    """Vowels and pauses are not, nor is the edge of a clause."""
    symbols = torch.tensor([INDEX[s] for s in ("T", "AH1", "P", "AH0", "K")])
    lengths = torch.tensor([2, 3, 1, 3, 2])
    marked = stop_frames(symbols, lengths).tolist()
    assert marked == [0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 0]


def test_a_phone_without_frames_is_no_stop() -> None:
    """Nothing is marked for it."""
    symbols = torch.tensor([INDEX[s] for s in ("AH1", "P", "AH0")])
    assert not stop_frames(symbols, torch.tensor([2, 0, 2])).any()


def test_a_closure_gets_emptier_and_its_release_steeper() -> None:
    """Only where stops are; a level that stays is left as it is."""
    level = torch.tensor([-4.0, -4, -5, -6, -3, -3, -3])
    mel = level[None, :, None].expand(1, -1, N_MELS)
    stops = torch.tensor([0.0, 0, 1, 1, 1, 1, 0])[None, :, None]
    out = sharpened(mel, stops)[0, :, 0]
    assert len(out) == len(level) - 2 * REACH
    assert out[0] == -4 and out[4] == -3
    assert out[2] < -6 and out[3] > -3
    assert torch.equal(sharpened(mel, torch.zeros_like(stops)), mel[:, 1:-1])


def test_no_band_is_moved_further_than_the_most() -> None:
    """Digital silence beside a burst is no reason for more."""
    level = torch.tensor([-11.5, -11.5, 0, -11.5, -11.5])
    mel = level[None, :, None].expand(1, -1, N_MELS)
    out = sharpened(mel, torch.ones(1, 5, 1))[0, :, 0]
    assert (out - level[1:-1]).abs().max() == pytest.approx(MOST)
