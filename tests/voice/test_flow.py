"""Layers over frames that come in pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from tests.voice.test_speaker import planned
from voiceserver.voice.flow import Chain, Flow, whisper
from voiceserver.voice.networks.acoustic import NOISE, PAIR, Frames
from voiceserver.voice.networks.releases import REACH, sharpened
from voiceserver.voice.networks.source import noise, normal_noise
from voiceserver.voice.networks.vocoder import (
    AFTER,
    ConvNeXtBlock,
    Filters,
    pulse_spectrum,
)
from voiceserver.voice.plan import Manner

EXACT = 1e-5


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 12), min_size=1, max_size=10),
    blocks=st.integers(1, 3),
)
def test_pieces_come_out_as_the_whole(sizes: list[int], blocks: int) -> None:
    """Empty ones too; nothing is left after the last."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(*[ConvNeXtBlock(8) for _ in range(blocks)]).eval()
    x = torch.randn(1, sum(sizes) + 1, 8)
    chain = Chain([block.inner for block in net if isinstance(block, ConvNeXtBlock)])
    got, at = [], 0
    with torch.no_grad():
        for size in sizes:
            got.append(chain.push(x[:, at : at + size], last=False))
            at += size
        got.append(chain.push(x[:, at:], last=True))
        whole = net(x)
    joined = torch.cat([piece for piece in got if piece is not None], 1)
    assert joined.shape == whole.shape
    assert (joined - whole).abs().max() < EXACT


@torch.no_grad()
def test_the_flow_is_what_the_networks_say_of_the_whole() -> None:
    """Decoder, vocoder and sources applied to all frames at once."""
    model, net, plan = planned(9, Manner(seed=4))
    n, seed = plan.n_frames, plan.manner.seed
    drawn = normal_noise(0, n // PAIR, NOISE, seed)[None] * plan.manner.texture
    soft = model.decoder(plan.frames, plan.pitch, plan.voicing, drawn).transpose(1, 2)
    stops = plan.stops[..., None]
    assert stops.any()
    padded = (functional.pad(x, (0, 0, REACH, REACH)) for x in (soft, stops))
    mel = sharpened(*padded).transpose(1, 2)
    filters = net(mel, plan.f0_hz[:, AFTER:-AFTER], plan.voicing)
    pulse = pulse_spectrum(plan.f0_hz, plan.weight, plan.phases)
    whole = pulse * filters.harmonic + noise(0, n, seed) * filters.hiss + filters.own
    flow = Flow(model, net, plan)
    cuts = [0, 5, 6, 17, n]
    parts = [flow.spectra(a, b) for a, b in pairwise(cuts)]
    assert (torch.cat(parts, 2) - whole).abs().max() < EXACT * whole.abs().max()


def test_a_frame_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the chunks are: that is what the edges are kept for."""
    model, net, plan = planned(9, Manner(seed=4))
    seen = []
    inputs = model.decoder.inputs

    def counted(frames: Frames, *tracks: Tensor) -> Tensor:
        seen.append(frames.cues.shape[1])
        return inputs(frames, *tracks)

    monkeypatch.setattr(model.decoder, "inputs", counted)
    flow = Flow(model, net, plan)
    for first in range(plan.n_frames):
        flow.spectra(first, first + 1)
    assert sum(seen) == plan.n_frames


def test_a_whisper_is_silent_where_both_sources_are() -> None:
    """And louder where vowels were, above all at high frequencies."""
    silent = torch.zeros(1, 257, 4)
    nothing = Filters(silent * 1j, silent, silent * 1j)
    assert whisper(nothing, torch.ones(1, 4)).max() == 0
    vowel = torch.ones(1, 257, 4, dtype=torch.complex64)
    voicing = torch.tensor([[1.0, 1.0, 0.0, 0.5]])
    gain = whisper(Filters(vowel, silent, silent * 1j), voicing)
    assert (gain[0, :, 2] == 0).all()
    assert gain[0, 150, 0] > gain[0, 5, 0] > 0
    assert gain[0, 150, 3] < gain[0, 150, 0]
