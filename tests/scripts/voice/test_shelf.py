"""Lessons on a shelf: rows, windows, prosody."""

from __future__ import annotations

import math

import torch

from scripts.voice.shelf import Shelf
from tests.scripts.voice.lessons import LENGTHS, packed
from voiceserver.voice.networks.acoustic import cues_of
from voiceserver.voice.networks.features import HOP, log_mel

SHELF = Shelf([packed(120), packed(220)], [1, 1], torch.device("cpu"), kept=3)


def test_windows_hold_what_the_row_holds() -> None:
    """Frames, cues and samples of a sentence belong together, edges are masked."""
    torch.manual_seed(0)
    rows = SHELF.kept_rows()
    w = SHELF.window(rows, 180, 24)
    assert w.mel.shape == (len(rows), 80, 180)
    assert w.mask.sum(1).tolist() == [float(sum(LENGTHS))] * len(rows)
    first = int(w.mask[0].argmax())
    assert first % 2 == 0
    inside = slice(first, first + sum(LENGTHS))
    phones, prosody, lengths = SHELF.phones(rows)
    n = int(phones.mask[0].sum())
    which = torch.repeat_interleave(torch.arange(n), lengths[0, :n])
    assert torch.equal(w.which[0, inside], which)
    cues = cues_of(prosody[0, :n], lengths[0, :n], which)
    assert torch.allclose(w.cues[0, inside], cues)
    heard = log_mel(w.wave[0])[:, first + 4 : first + 100]
    assert (heard - w.mel[0, :, first + 4 : first + 100]).abs().mean() < 0.05


def test_sentences_are_also_cut_at_their_pauses() -> None:
    """The first clause ends with its comma, the second with the full stop."""
    torch.manual_seed(0)
    phones, _, _ = SHELF.phones(SHELF.draw(200))
    counts = set(phones.mask.sum(1).int().tolist())
    assert counts == {6, 9, 14}
    assert set(phones.ending[phones.mask.sum(1) == 6].tolist()) == {0}


def test_prosody_is_in_each_speakers_own_units() -> None:
    """The mean pitch of a speaker is that of the buzz."""
    mean, spread = SHELF.units(2)
    assert torch.allclose(
        mean[:, 1].exp() * 200, torch.tensor([120.0, 220.0]), rtol=1e-3
    )
    assert bool((spread > 0).all())
    assert math.isclose(SHELF.seconds, 12 * sum(LENGTHS) * HOP / 24_000)


def test_of_few_lessons_one_is_kept_back() -> None:
    """A trial run has something to score."""
    few = Shelf([packed(120, lessons=3)], [1], torch.device("cpu"), kept=40)
    assert len(few.kept_rows()) == 1
    one = Shelf([packed(120, lessons=1)], [1], torch.device("cpu"), kept=40)
    assert one.kept_rows().dtype == torch.int64
    assert len(one.kept_rows()) == 0
