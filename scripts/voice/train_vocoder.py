"""Train the vocoder: ``python -m scripts.voice.train_vocoder CACHE RUN --steps N``.

Resumable: the run folder holds a checkpoint, renewed every minute, and the journal.
The learning rate falls as a cosine to the given number of steps; giving more steps
to a finished run continues it. Scores on kept-back recordings go into the journal.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from scripts.voice.checkpoint import (
    Journal,
    MovingAverage,
    load_checkpoint,
    save_checkpoint,
)
from scripts.voice.features import (
    Batch,
    Utterance,
    draw_segments,
    load_utterances,
    step_generator,
)
from scripts.voice.losses import energy_distance, plain_distance
from voiceserver.voice.features import BINS, HOP, log_mel
from voiceserver.voice.source import NOISE_LEVEL
from voiceserver.voice.vocoder import VocoderNet, VocoderShape, excite

SAVE_EVERY_S = 60
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
    done = min(1.0, step / plan.steps)
    cosine = 0.505 + 0.495 * math.cos(math.pi * done)
    return plan.rate * cosine * min(1.0, (step + 1) / WARM_UP)


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


class Training:
    """A run in progress: network, its average, optimiser and the step reached."""

    def __init__(
        self,
        plan: Plan,
        shape: VocoderShape,
        run: Path,
        continues: Path | None = None,
    ) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.shape, self.run = plan, shape, run
        self.net = VocoderNet(shape)
        self.average = MovingAverage(self.net, 0.999)
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), plan.rate, betas=BETAS
        )
        self.step = 0
        state = load_checkpoint(run / "checkpoint.pt")
        if state is None and continues is not None:
            state = load_checkpoint(continues / "checkpoint.pt")
        if state is not None:
            self._restore(state)

    def _restore(self, state: dict[str, object]) -> None:
        net, average, optimiser, step = (
            state[k] for k in ("net", "average", "optimiser", "step")
        )
        assert isinstance(net, dict)
        assert isinstance(average, dict)
        assert isinstance(optimiser, dict)
        assert isinstance(step, int)
        self.net.load_state_dict(net)
        self.average.weights = average
        self.optimiser.load_state_dict(optimiser)
        self.step = step

    def save(self) -> None:
        """Write the checkpoint."""
        save_checkpoint(
            self.run / "checkpoint.pt",
            {
                "net": self.net.state_dict(),
                "average": self.average.weights,
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "shape": asdict(self.shape),
                "plan": asdict(self.plan),
            },
        )

    def advance(self, utterances: list[Utterance], lengths: np.ndarray) -> float:
        """Take one step; returns the loss of the batch.

        Raises:
            FloatingPointError: Before the weights are spoilt by a loss that is not
                finite; the checkpoint holds an earlier state.
        """
        plan = self.plan
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(plan, self.step)
        rng = step_generator(plan.seed, self.step)
        batch = draw_segments(utterances, lengths, rng, plan.batch, plan.frames)
        noise = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        loss = batch_loss(self.net, batch, noise, plan.spread)
        if not bool(torch.isfinite(loss)):
            raise FloatingPointError(f"the loss of step {self.step} is not finite")
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        self.average.update(self.net, self.step)
        return loss.item()

    def averaged(self) -> VocoderNet:
        """A copy of the network with the averaged weights."""
        net = VocoderNet(self.shape)
        net.load_state_dict(self.average.weights)
        return net.eval()


def train(t: Training, cache: Path, minutes: float) -> None:
    """Run until the schedule or the time ends; leaves a checkpoint."""
    utterances = load_utterances(cache, validation=False)
    kept = load_utterances(cache, validation=True)
    kept = kept[:: max(1, len(kept) // t.plan.scored)][: t.plan.scored]
    lengths = np.array([u.frames for u in utterances], dtype=np.int64)
    journal = Journal(t.run / "journal.jsonl")
    start = saved = time.perf_counter()
    recent: list[float] = []
    while t.step < t.plan.steps and time.perf_counter() - start < minutes * 60:
        recent.append(t.advance(utterances, lengths))
        if t.step % t.plan.journal_every == 0:
            journal.write(
                step=t.step,
                loss=float(np.mean(recent)),
                elapsed_s=time.perf_counter() - start,
                cpu_s=time.process_time(),
            )
            recent = []
        if t.step % t.plan.score_every == 0:
            journal.write(step=t.step, **score(t.averaged(), kept))
        if time.perf_counter() - saved > SAVE_EVERY_S:
            t.save()
            saved = time.perf_counter()
    t.save()
    journal.write(step=t.step, **score(t.averaged(), kept))


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=36_000)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--score-every", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--spread", type=float, default=0.0, help="reward, 0 to 1")
    parser.add_argument("--continues", type=Path, help="run that this one goes on from")
    a = parser.parse_args(argv)
    torch.set_num_threads(a.threads)
    a.run.mkdir(parents=True, exist_ok=True)
    plan = Plan(a.steps, batch=a.batch, score_every=a.score_every, spread=a.spread)
    shape = VocoderShape(a.width, a.blocks)
    train(Training(plan, shape, a.run, a.continues), a.cache, a.minutes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
