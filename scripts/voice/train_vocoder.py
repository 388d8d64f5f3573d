"""Train the vocoder: ``python -m scripts.voice.train_vocoder CACHE RUN --steps N``.

Resumable: the run folder holds a checkpoint, renewed every minute, and the journal.
The learning rate falls as a cosine to the given number of steps; giving more steps
to a finished run continues it. Scores on kept-back recordings go into the journal.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from scripts.voice.features import (
    Batch,
    Utterance,
    draw_segments,
    load_utterances,
    step_generator,
)
from scripts.voice.losses import energy_distance, plain_distance
from scripts.voice.run import Run, Schedule, begin, carry_on, command, falling, warming
from voiceserver.voice.features import BINS, HOP, log_mel
from voiceserver.voice.source import NOISE_LEVEL
from voiceserver.voice.vocoder import VocoderNet, VocoderShape, excite

WARM_UP = 200  # steps
BETAS = (0.8, 0.99)
EDGE = 6  # frames at both ends of a segment that the loss does not see


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is; stored in its checkpoint.

    Attributes:
        steps: Length of the schedule.
        batch: Segments a step.
        frames: Length of a segment.
        rate: Peak learning rate.
        seed: Of data order, noise and first weights.
        journal_every: Steps between two entries of the loss.
        score_every: Steps between two scorings.
        scored: Number of recordings scored.
        spread: Reward of the spread of two draws, 0 to 1; 0 takes one draw.
    """

    steps: int
    batch: int = 6
    frames: int = 76
    rate: float = 1.5e-3
    seed: int = 1
    journal_every: int = 100
    score_every: int = 1000
    scored: int = 12
    spread: float = 0.0


def draw_noise(rng: torch.Generator, batch: int, frames: int) -> Tensor:
    """Noise spectra distributed as ``source.noise``, ``(batch, BINS, frames)``."""
    shape = (batch, BINS, frames, 2)
    return torch.view_as_complex(torch.randn(shape, generator=rng) * NOISE_LEVEL)


def rate_at(plan: Plan, step: int) -> float:
    """Learning rate: linear warm-up, then a cosine to 1 % of the peak."""
    return plan.rate * falling(step / plan.steps, 0.01) * warming(step, WARM_UP)


def batch_loss(
    net: VocoderNet, batch: Batch, rng: torch.Generator, spread: float
) -> Tensor:
    """Spectral distance of a batch: one draw, or two whose spread is rewarded."""
    filters = net(batch.mel, batch.f0_hz, batch.voicing)
    size, frames = batch.f0_hz.shape
    noises = [draw_noise(rng, size, frames) for _ in range(2 if spread else 1)]
    made = excite(batch.f0_hz, batch.voicing, filters, noises)
    inner = slice(EDGE * HOP, (frames - EDGE) * HOP)
    real, draws = batch.wave[:, inner], [y[:, inner] for y in made]
    if not spread:
        return plain_distance(real, draws[0])
    return energy_distance(real, draws[0], draws[1], spread)


@torch.no_grad()
def copy_synthesis(net: VocoderNet, u: Utterance) -> Tensor:
    """A recording made again from its own features, shape ``(frames * HOP,)``."""
    f0, voicing = u.f0_hz[None], u.voicing[None]
    rng = torch.Generator().manual_seed(7)
    filters = net(u.mel[None], f0, voicing)
    return excite(f0, voicing, filters, [draw_noise(rng, 1, u.frames)])[0][0]


def _copy_scores(real: Tensor, made: Tensor) -> dict[str, float]:
    try:
        from scripts.voice.scores import copy_scores
    except ImportError:  # they have to be compiled; training needs neither
        return {}
    return copy_scores(real.numpy(), made.numpy())


def score(net: VocoderNet, utterances: list[Utterance]) -> dict[str, float]:
    """Mean PESQ, STOI, mel L1 and spectral distance of copy synthesis.

    Without the first two where their packages are not installed.
    """
    rows = []
    for u in utterances:
        real, made = u.wave(0, u.frames), copy_synthesis(net, u)
        scores = _copy_scores(real, made)
        scores["mel_l1"] = (log_mel(made) - u.mel).abs().mean().item()
        scores["spectral"] = plain_distance(real[None], made[None]).item()
        rows.append(scores)
    return {key: float(np.mean([r[key] for r in rows])) for key in rows[0]}


class Training(Run[VocoderNet]):
    """A run in progress."""

    def __init__(
        self,
        plan: Plan,
        shape: VocoderShape,
        folder: Path,
        continues: Path | None = None,
    ) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        net = VocoderNet(shape)
        optimiser = torch.optim.AdamW(net.parameters(), plan.rate, betas=BETAS)
        described = {"shape": asdict(shape), "plan": asdict(plan)}
        super().__init__(folder, net, optimiser, 0.999, described)
        self.resume(*filter(None, [continues]))

    def advance(self, utterances: list[Utterance], lengths: np.ndarray) -> float:
        """Take one step; returns the loss of the batch.

        Raises:
            FloatingPointError: If it is not finite.
        """
        plan = self.plan
        rng = step_generator(plan.seed, self.step)
        batch = draw_segments(utterances, lengths, rng, plan.batch, plan.frames)
        noise = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        loss = batch_loss(self.net, batch, noise, plan.spread)
        self.descend(loss, rate_at(plan, self.step), 5.0)
        return loss.item()

    def validate(self, kept: list[Utterance]) -> dict[str, float]:
        """Scores of the averaged weights on kept-back recordings."""
        with self.averaged() as net:
            return score(net, kept)


def train(t: Training, cache: Path, minutes: float) -> None:
    """Run until the schedule or the time ends; leaves a checkpoint."""
    utterances = load_utterances(cache, validation=False)
    kept = load_utterances(cache, validation=True)
    kept = kept[:: max(1, len(kept) // t.plan.scored)][: t.plan.scored]
    lengths = np.array([u.frames for u in utterances], dtype=np.int64)
    carry_on(
        t,
        Schedule(t.plan.steps, t.plan.journal_every, t.plan.score_every),
        minutes,
        lambda _: {"loss": t.advance(utterances, lengths)},
        lambda: t.validate(kept),
    )


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = command(__doc__, "cache", steps=36_000)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--score-every", type=int, default=1000)
    parser.add_argument("--spread", type=float, default=0.0, help="reward, 0 to 1")
    parser.add_argument("--continues", type=Path, help="run that this one goes on from")
    a = begin(parser, argv)
    plan = Plan(a.steps, batch=a.batch, score_every=a.score_every, spread=a.spread)
    shape = VocoderShape(a.width, a.blocks)
    train(Training(plan, shape, a.run, a.continues), a.cache, a.minutes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
