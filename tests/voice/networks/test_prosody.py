"""Prosody: mixtures, and drawing from them."""

from __future__ import annotations

import math

import pytest
import torch

from tests.voice.networks.test_encoder import phones
from voiceserver.voice.networks.prosody import PROSODY, Mixture, ProsodyNet


def test_drawing_follows_the_mixture_given_to_training() -> None:
    """Step by step the prosody net gives the mixtures that it gives all at once."""
    torch.manual_seed(0)
    net = ProsodyNet(16, 1, 3, 1).eval().requires_grad_(False)
    clause = phones(6)
    drawn = net.draw(clause, torch.Generator().manual_seed(1), 0.0)
    history = torch.nn.functional.pad(
        net.normalise(drawn, clause.speaker), (0, 0, 1, 0)
    )
    mixture = net(clause, history[:, :-1])
    best = mixture.log_weight.argmax(-1)[..., None, None].expand(-1, -1, 1, PROSODY)
    means = mixture.mean.gather(2, best)[:, :, 0]
    assert torch.allclose(net.restore(means, clause.speaker), drawn, atol=1e-5)


def test_likelihood_of_a_standard_normal() -> None:
    """Four dimensions at the mean: four times log(1 / sqrt(2 pi))."""
    zeros = torch.zeros(1, 1, PROSODY)
    mixture = Mixture(torch.zeros(1, 1), zeros, zeros)
    wanted = -PROSODY * 0.5 * math.log(2 * math.pi)
    assert mixture.log_likelihood(torch.zeros(1, PROSODY)).item() == pytest.approx(
        wanted
    )


def test_drawn_prosody_has_the_spread_of_its_mixture() -> None:
    """Over many seeds, mean and spread at the first symbol are the model's own."""
    torch.manual_seed(0)
    net = ProsodyNet(8, 1, 3, 1).eval().requires_grad_(False)
    clause = phones(1)
    drawn = torch.cat(
        [net.draw(clause, torch.Generator().manual_seed(s), 1.0) for s in range(800)]
    )[:, 0]
    mixture = net(clause, torch.zeros(1, 1, PROSODY))
    weight = mixture.log_weight.exp()[0, 0, :, None]
    mean = (weight * mixture.mean[0, 0]).sum(0)
    second = mixture.mean[0, 0].square() + (2 * mixture.log_sigma[0, 0]).exp()
    spread = ((weight * second).sum(0) - mean.square()).sqrt()
    assert torch.allclose(drawn.mean(0), mean, atol=0.15)
    assert torch.allclose(drawn.std(0), spread, rtol=0.1)
