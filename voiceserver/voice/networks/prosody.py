"""Prosody of a clause: duration, pitch and energy of each symbol, drawn one by one.

Averages would drone, so each symbol's prosody is a Gaussian mixture given what was
drawn before it, and speaking samples from it. Training sees all symbols at once;
speaking walks, in numpy, because a step is too small for a tensor library's overhead.
Reads the clause with an encoder of its own, which forgets much on purpose: with an hour
of speech the readings are learnt by heart long before the sounds are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from voiceserver.voice.networks.encoder import ClauseEncoder, Phones

PROSODY = 4  # log(1 + frames), log F0 mean, log F0 rise, log energy
LOG_SIGMA_LOW, LOG_SIGMA_HIGH = -4.0, 1.0
DROPOUT = 0.3

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Mixture:
    """Gaussian mixtures over prosody vectors, one for each symbol.

    Attributes:
        log_weight: ``(..., components)``, normalised.
        mean: ``(..., components, PROSODY)``.
        log_sigma: As ``mean``.
    """

    log_weight: Tensor
    mean: Tensor
    log_sigma: Tensor

    def log_likelihood(self, value: Tensor) -> Tensor:
        """Log density of prosody vectors ``(..., PROSODY)``, shape ``(...)``."""
        z = (value[..., None, :] - self.mean) * torch.exp(-self.log_sigma)
        each = -0.5 * z.square() - self.log_sigma - 0.5 * math.log(2 * math.pi)
        return torch.logsumexp(self.log_weight + each.sum(-1), -1)


class ProsodyNet(nn.Module):
    """Draws the prosody of one symbol after the other, in normalised units.

    Each speaker has units of their own, so that what is learnt of one voice's tune
    serves the others.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, width: int, blocks: int, components: int, speakers: int) -> None:
        super().__init__()
        self.components = components
        self.encoder = ClauseEncoder(width, blocks, DROPOUT, speakers)
        self.dropout = nn.Dropout(DROPOUT)
        self.inlet = nn.Linear(width + PROSODY, width)
        self.cell = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(2 * width, components * (1 + 2 * PROSODY))
        self.register_buffer("mean", torch.zeros(speakers, PROSODY))
        self.register_buffer("scale", torch.ones(speakers, PROSODY))

    def normalise(self, prosody: Tensor, speaker: Tensor) -> Tensor:
        """From natural units to those of the network.

        Args:
            prosody: ``(batch, n, PROSODY)``.
            speaker: ``(batch,)``, int64.
        """
        return (prosody - self.mean[speaker, None]) / self.scale[speaker, None]

    def restore(self, normalised: Tensor, speaker: Tensor) -> Tensor:
        """From the network's units to natural ones; shapes as for `normalise`."""
        return normalised * self.scale[speaker, None] + self.mean[speaker, None]

    def _mixture(self, encoded: Tensor, state: Tensor) -> Mixture:
        out = self.head(torch.cat([encoded, state], -1))
        weight, mean, sigma = out.split(
            [self.components, *[self.components * PROSODY] * 2], -1
        )
        grid = (self.components, PROSODY)
        return Mixture(
            functional.log_softmax(weight, -1),
            mean.unflatten(-1, grid),
            sigma.unflatten(-1, grid).clamp(LOG_SIGMA_LOW, LOG_SIGMA_HIGH),
        )

    def forward(self, phones: Phones, before: Tensor) -> Mixture:
        """Mixtures for all symbols at once, given each one's predecessor.

        Args:
            phones: Clauses of ``n`` symbols.
            before: Normalised prosody of the symbol before, ``(batch, n, PROSODY)``.
        """
        encoded = self.dropout(self.encoder(phones))
        x = self.inlet(torch.cat([encoded, before], -1))
        state, _ = self.cell(x)
        return self._mixture(encoded, self.dropout(state))

    @torch.no_grad()
    def draw(
        self, phones: Phones, generator: torch.Generator, temperature: float
    ) -> Tensor:
        """Prosody of a clause in natural units, ``(1, n, PROSODY)``.

        Args:
            phones: One clause of ``n`` symbols.
            generator: Of the random numbers; its seed fixes the reading.
            temperature: 0 gives the likeliest component's mean at each symbol, 1 the
                speaker's own spread.
        """
        encoded = self.encoder(phones)
        n = encoded.shape[1]
        uniform = torch.rand(n, generator=generator).numpy()
        normal = torch.randn((n, PROSODY), generator=generator).numpy()
        drawn = _Walk(self, encoded[0]).draw(uniform, normal, temperature)
        normalised = torch.from_numpy(drawn).to(encoded)[None]
        return self.restore(normalised, phones.speaker)

    @torch.no_grad()
    def draw_many(
        self, phones: Phones, uniform: Tensor, normal: Tensor, temperature: Tensor
    ) -> Tensor:
        """Prosody of a batch of clauses in natural units, ``(batch, n, PROSODY)``.

        Args:
            phones: Clauses of up to ``n`` symbols; what is drawn beyond a clause's own
                means nothing.
            uniform: Random numbers in [0, 1), ``(batch, n)``.
            normal: Standard normal, ``(batch, n, PROSODY)``.
            temperature: As for `draw`, ``(batch,)``.
        """
        encoded = self.encoder(phones)
        batch, n, width = encoded.shape
        state = encoded.new_zeros(1, batch, width)
        before = encoded.new_zeros(batch, PROSODY)
        sharpness = 1 / temperature.clamp_min(1e-3)[:, None]
        drawn = []
        for i in range(n):
            x = self.inlet(torch.cat([encoded[:, i], before], -1))
            _, state = self.cell(x[:, None], state)
            mixture = self._mixture(encoded[:, i], state[0])
            weight = torch.softmax(mixture.log_weight * sharpness, -1)
            above = weight.cumsum(-1) <= (uniform[:, i] * 0.999999)[:, None]
            chosen = above.sum(-1).clamp(max=self.components - 1)
            index = chosen[:, None, None].expand(-1, 1, PROSODY)
            mean = mixture.mean.gather(1, index)[:, 0]
            sigma = torch.exp(mixture.log_sigma.gather(1, index)[:, 0])
            before = mean + sigma * normal[:, i] * temperature[:, None]
            drawn.append(before)
        return self.restore(torch.stack(drawn, 1), phones.speaker)


def _array(x: Tensor) -> Floats:
    return np.ascontiguousarray(x.detach().float().cpu().numpy())


class _Walk:
    """A prosody net unrolled over one clause.

    What depends on the encodings alone is multiplied out for all symbols at once; a
    step is left with three small products.
    """

    def __init__(self, net: ProsodyNet, encoded: Tensor) -> None:
        width = encoded.shape[1]
        weights = dict(net.named_parameters())
        into, head = weights["inlet.weight"], weights["head.weight"]
        of_input = weights["cell.weight_ih_l0"]
        first = functional.linear(encoded, into[:, :width], net.inlet.bias)
        self.gates = _array(
            functional.linear(first, of_input, weights["cell.bias_ih_l0"])
        )
        self.from_before = _array(of_input @ into[:, width:])
        self.from_state = _array(weights["cell.weight_hh_l0"])
        self.state_bias = _array(weights["cell.bias_hh_l0"])
        self.out = _array(functional.linear(encoded, head[:, :width], net.head.bias))
        self.out_from_state = _array(head[:, width:])
        self.components = net.components

    def draw(self, uniform: Floats, normal: Floats, temperature: float) -> Floats:
        """Normalised prosody of all symbols, ``(n, PROSODY)``."""
        n, width = len(self.gates), self.from_state.shape[1]
        state, before = np.zeros(width, np.float32), np.zeros(PROSODY, np.float32)
        drawn = np.zeros((n, PROSODY), np.float32)
        for i in range(n):
            state = self._step(self.gates[i] + self.from_before @ before, state)
            out = self.out[i] + self.out_from_state @ state
            before = self._sample(out, uniform[i], normal[i], temperature)
            drawn[i] = before
        return drawn

    def _step(self, gates: Floats, state: Floats) -> Floats:
        """One step of the gated recurrent unit, its gates as torch orders them."""
        width = len(state)
        inner = self.from_state @ state + self.state_bias
        both = 1 / (1 + np.exp(-(gates[: 2 * width] + inner[: 2 * width])))
        reset, update = both[:width], both[width:]
        fresh = np.tanh(gates[2 * width :] + reset * inner[2 * width :])
        return np.asarray((1 - update) * fresh + update * state, np.float32)

    def _sample(
        self, out: Floats, uniform: float, normal: Floats, temperature: float
    ) -> Floats:
        k = self.components
        chosen = _choose(out[:k], uniform, temperature)
        mean = out[k:].reshape(2, k, PROSODY)[0, chosen]
        log_sigma = out[k:].reshape(2, k, PROSODY)[1, chosen]
        sigma = np.exp(np.clip(log_sigma, LOG_SIGMA_LOW, LOG_SIGMA_HIGH))
        return np.asarray(mean + sigma * normal * temperature, np.float32)


def _choose(scores: Floats, uniform: float, temperature: float) -> int:
    """Index of a component, by its weight sharpened by the temperature."""
    if temperature == 0:
        return int(scores.argmax())
    weight = np.exp((scores - scores.max()) / temperature)
    return int(np.searchsorted(np.cumsum(weight / weight.sum()), uniform * 0.999999))
