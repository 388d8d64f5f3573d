"""Train the prosody net: ``python -m scripts.voice.train_prosody CACHE RUN``.

It learns an hour of speech by heart within minutes, so it is small, forgets by dropout,
and what is kept is the average of its weights that was best on kept-back sentences.
Resumable like the vocoder's training.
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
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from scripts.voice.checkpoint import (
    Journal,
    MovingAverage,
    load_checkpoint,
    save_checkpoint,
)
from scripts.voice.features import step_generator
from scripts.voice.sentences import Sentence, clauses, collate, load_sentences
from voiceserver.voice.acoustic import AcousticShape
from voiceserver.voice.prosody import PROSODY, ProsodyNet

SAVE_EVERY_S = 60
WARM_UP = 100  # steps
CLAUSE_SHARE = 0.4  # of the examples that are clauses, not whole sentences
BEFORE_NOISE = 0.3  # on the true prosody of the symbol before, in normalised units
BEFORE_DROP = 0.15


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is; stored in its checkpoint.

    Attributes:
        steps: Length of the schedule.
        batch: Sentences a step.
        rate: Peak learning rate.
        seed: Of data order, noise and first weights.
        score_every: Steps between two validations.
    """

    steps: int
    batch: int = 24
    rate: float = 1e-3
    seed: int = 1
    score_every: int = 100


def prosody_loss(
    net: ProsodyNet, sentences: list[Sentence], generator: torch.Generator | None
) -> Tensor:
    """Negative log likelihood of the true prosody; noisy history in training."""
    phones = collate(sentences)
    true = net.normalise(pad_sequence([s.prosody for s in sentences], batch_first=True))
    before = functional.pad(true, (0, 0, 1, 0))[:, :-1]
    if generator is not None:
        before = before + BEFORE_NOISE * torch.randn(before.shape, generator=generator)
        kept = torch.rand(before.shape[:2], generator=generator) > BEFORE_DROP
        before = before * kept[..., None]
    likelihood = net(phones, before).log_likelihood(true) * phones.mask
    mean: Tensor = -likelihood.sum() / phones.mask.sum() / PROSODY
    return mean


class Training:
    """A run in progress.

    Attributes:
        best: The averaged weights that were best, and their loss on kept sentences.
    """

    def __init__(self, plan: Plan, shape: AcousticShape, run: Path) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.shape, self.run = plan, shape, run
        self.net = ProsodyNet(
            shape.prosody_width, shape.prosody_blocks, shape.components
        )
        self.average = MovingAverage(self.net, 0.99)
        self.best = (math.inf, dict(self.average.weights))
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), plan.rate, betas=(0.9, 0.98), weight_decay=0.1
        )
        self.step = 0
        state = load_checkpoint(run / "checkpoint.pt")
        if state is not None:
            self._restore(state)

    def _restore(self, state: dict[str, object]) -> None:
        net, recent, best, optimiser, step, loss = (
            state[k] for k in ("net", "recent", "average", "optimiser", "step", "loss")
        )
        assert isinstance(net, dict)
        assert isinstance(recent, dict)
        assert isinstance(best, dict)
        assert isinstance(optimiser, dict)
        assert isinstance(step, int)
        assert isinstance(loss, float)
        self.net.load_state_dict(net)
        self.average.weights = recent
        self.best = (loss, best)
        self.optimiser.load_state_dict(optimiser)
        self.step = step

    def save(self) -> None:
        """Write the checkpoint; what is exported from it are the best weights."""
        save_checkpoint(
            self.run / "checkpoint.pt",
            {
                "net": self.net.state_dict(),
                "recent": self.average.weights,
                "average": self.best[1],
                "loss": self.best[0],
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "shape": asdict(self.shape),
                "plan": asdict(self.plan),
            },
        )

    def fit_units(self, sentences: list[Sentence]) -> None:
        """Set the units of prosody from the corpus, before the first step."""
        if self.step:
            return
        every = torch.cat([s.prosody for s in sentences])
        for weights in (self.net.state_dict(), self.average.weights):
            weights["mean"].copy_(every.mean(0))
            weights["scale"].copy_(every.std(0).clamp_min(1e-3))

    def rate(self) -> float:
        """Learning rate: linear warm-up, then a cosine to 2 % of the peak."""
        done = min(1.0, self.step / self.plan.steps)
        cosine = 0.51 + 0.49 * math.cos(math.pi * done)
        return self.plan.rate * cosine * min(1.0, (self.step + 1) / WARM_UP)

    def advance(self, whole: list[Sentence], parts: list[Sentence]) -> float:
        """Take one step; returns the loss.

        Raises:
            FloatingPointError: Before the weights are spoilt by a loss that is not
                finite; the checkpoint holds an earlier state.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        rng = step_generator(self.plan.seed, self.step)
        batch = []
        for _ in range(self.plan.batch):
            pool = parts if rng.random() < CLAUSE_SHARE else whole
            batch.append(pool[int(rng.integers(len(pool)))])
        seed = int(rng.integers(1 << 62))
        torch.manual_seed(seed)  # dropout
        loss = prosody_loss(self.net, batch, torch.Generator().manual_seed(seed))
        if not bool(torch.isfinite(loss)):
            raise FloatingPointError(f"the loss of step {self.step} is not finite")
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
        self.optimiser.step()
        self.step += 1
        self.average.update(self.net, self.step)
        return loss.item()

    @torch.no_grad()
    def validate(self, kept: list[Sentence]) -> float:
        """Loss of the averaged weights on kept-back sentences; keeps the best."""
        net = ProsodyNet(
            self.shape.prosody_width, self.shape.prosody_blocks, self.shape.components
        )
        net.load_state_dict(self.average.weights)
        net.eval()
        batches = [kept[i : i + 20] for i in range(0, len(kept), 20)]
        loss = float(np.mean([prosody_loss(net, b, None).item() for b in batches]))
        if loss < self.best[0]:
            copied = {k: v.clone() for k, v in self.average.weights.items()}
            self.best = (loss, copied)
        return loss


def train(t: Training, cache: Path, minutes: float) -> None:
    """Run until the schedule or the time ends; leaves a checkpoint."""
    whole = load_sentences(cache, validation=False)
    kept = load_sentences(cache, validation=True)
    parts = [c for s in whole for c in clauses(s)]
    t.fit_units(whole)
    journal = Journal(t.run / "journal.jsonl")
    start = saved = time.perf_counter()
    recent: list[float] = []
    while t.step < t.plan.steps and time.perf_counter() - start < minutes * 60:
        recent.append(t.advance(whole, parts))
        if t.step % t.plan.score_every == 0:
            loss = t.validate(kept)
            journal.write(
                step=t.step,
                elapsed_s=time.perf_counter() - start,
                loss=float(np.mean(recent)),
                kept_loss=loss,
                best=t.best[0],
            )
            recent = []
        if time.perf_counter() - saved > SAVE_EVERY_S:
            t.save()
            saved = time.perf_counter()
    t.save()


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--threads", type=int, default=1)
    a = parser.parse_args(argv)
    torch.set_num_threads(a.threads)
    a.run.mkdir(parents=True, exist_ok=True)
    train(Training(Plan(a.steps), AcousticShape(), a.run), a.cache, a.minutes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
