"""Letter-to-sound decoding; the trained network is judged by its training script."""

from __future__ import annotations

import pytest
import torch

from voiceserver.voice.words.letters import (
    LettersNet,
    LettersShape,
    collapse,
    one_primary_stress,
    sound_out,
)
from voiceserver.voice.words.phones import INDEX


def test_collapse_joins_repeats_and_drops_blanks() -> None:
    """A repeated phone counts once unless a blank lies between."""
    k, t, blank = INDEX["K"], INDEX["T"], INDEX["_"]
    assert collapse([blank, k, k, blank, k, t]) == ("K", "K", "T")
    assert collapse([blank, INDEX[","]]) == ()


def test_one_primary_stress_is_kept_or_given() -> None:
    """A word has one primary stress."""
    assert one_primary_stress(("AH0", "T")) == ("AH1", "T")
    assert one_primary_stress(("AH1", "T", "IY1")) == ("AH1", "T", "IY2")


@pytest.mark.parametrize("word", ["zyx", "brrr", "a", "x'y", "supercalifragilistic"])
def test_any_word_gets_a_pronunciation(word: str) -> None:
    """Even an untrained network gives something to say for letters."""
    torch.manual_seed(0)
    net = LettersNet(LettersShape(4, 8)).eval()
    phones = sound_out(net, word)
    assert phones
    assert all(p in INDEX for p in phones)


def test_no_letters_is_an_error() -> None:
    """An apostrophe alone cannot be sounded out."""
    with pytest.raises(ValueError, match="no letters"):
        sound_out(LettersNet(LettersShape(4, 8)), "'")
