"""Acoustic model: shapes, sampling, lengths."""

from __future__ import annotations

import math

import pytest
import torch

from voiceserver.voice.networks.acoustic import (
    NOISE,
    AcousticModel,
    AcousticShape,
    Frames,
    held_in_pauses,
    spread,
    to_lengths,
)
from voiceserver.voice.networks.features import N_MELS
from voiceserver.voice.networks.prosody import PROSODY

SHAPE = AcousticShape(16, 2, 3, 16, 1, 16, 1, 16, 1)


@pytest.mark.parametrize("speed", [0.25, 1.0, 4.0])
def test_lengths_are_even_in_sum_and_phones_sound(speed: float) -> None:
    """Every phone gets a frame, the sum is even, pauses may vanish."""
    prosody = torch.zeros(7, PROSODY)
    prosody[3, 0] = 2.0
    sounding = torch.tensor([False, True, True, True, True, True, False])
    lengths = to_lengths(prosody, sounding, speed)
    assert int(lengths.sum()) % 2 == 0
    assert (lengths[1:6] >= 1).all()
    assert lengths[0] == 0


def test_nothing_but_pauses_still_has_a_length() -> None:
    """A clause never has no frames at all."""
    lengths = to_lengths(torch.zeros(2, PROSODY), torch.tensor([False, False]), 1.0)
    assert int(lengths.sum()) == 2


def test_a_word_alone_is_held() -> None:
    """A tenth of a second of "hm" becomes a quarter; a sentence stays as it is."""
    sounding = torch.tensor([False, True, True, False])
    prosody = torch.zeros(4, PROSODY)
    prosody[1:, 0] = torch.tensor([8.0, 3.0, 10.0]).log1p()
    held = to_lengths(prosody, sounding, 1.0)
    assert held[1:3].tolist() == [17, 7]
    assert int(held[3]) == 10
    assert to_lengths(prosody, sounding, 2.0)[1:3].tolist() == [9, 3]
    prosody[1, 0] = math.log1p(30)
    assert to_lengths(prosody, sounding, 1.0)[1:3].tolist() == [30, 3]


def test_a_voice_dies_away_at_the_pitch_it_had() -> None:
    """Voiced frames of a pause keep the pitch beside them; the others stay."""
    pitch = torch.tensor([[-1.4, -1.0, 0.1, 0.3, -0.9, -1.4]])
    voicing = torch.tensor([[0.0, 0.9, 1.0, 1.0, 0.6, 0.0]])
    sounding = torch.tensor([[False, False, True, True, False, False]])
    held = held_in_pauses(pitch, voicing, sounding)
    assert torch.equal(held, torch.tensor([[-1.4, 0.1, 0.1, 0.3, 0.3, -1.4]]))
    nothing = torch.zeros_like(sounding)
    assert torch.equal(held_in_pauses(pitch, voicing, nothing), pitch)


def test_spread_repeats_symbols_over_their_frames() -> None:
    """Place runs through each symbol; pitch is a line through its mean."""
    prosody = torch.tensor([[0.0, 0.1, 0.4, 0.0], [0.0, -0.2, 0.0, 0.0]])
    frames = spread(torch.eye(2), prosody, torch.tensor([2, 4]))
    assert frames.encoded.argmax(1).tolist() == [0, 0, 1, 1, 1, 1]
    assert frames.cues[:, 0].tolist() == [0.25, 0.75, 0.125, 0.375, 0.625, 0.875]
    assert frames.cues[:3, 2].tolist() == pytest.approx([0.0, 0.2, -0.2])


def test_decoder_emits_two_frames_for_each_pair() -> None:
    """Contours and mel spectra cover all frames."""
    model = AcousticModel(SHAPE).eval()
    frames = Frames(torch.zeros(2, 8, 16), torch.zeros(2, 8, 5))
    pitch, voicing = model.contour(frames)
    assert pitch.shape == voicing.shape == (2, 8)
    mel = model.decoder(frames, pitch, voicing, torch.zeros(2, 4, NOISE))
    assert mel.shape == (2, N_MELS, 8)
