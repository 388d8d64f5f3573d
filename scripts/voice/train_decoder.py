"""Sharpen the decoder: ``python -m scripts.voice.train_decoder CACHE RUN --weights A``.

Goes on from the acoustic run ``A``: encoder and contours stay, the decoder also learns
to pass for a recording before patch discriminators. How hard these pull is set by the
gradient: their pull on a made spectrum is a fixed share of the distance's. The result
is a run like an acoustic one, to be exported in its place. Resumable.
"""

from __future__ import annotations

import argparse
import itertools
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
    average_weights,
    load_checkpoint,
    save_checkpoint,
)
from scripts.voice.discriminators import Discriminators
from scripts.voice.features import step_generator
from scripts.voice.sentences import Sentence, clauses, collate, load_sentences
from scripts.voice.train_acoustic import (
    CLAUSE_SHARE,
    Window,
    cut_window,
    patch_distance,
)
from voiceserver.voice.acoustic import NOISE, PAIR, AcousticModel, AcousticShape, Frames

SAVE_EVERY_S = 60
DECAY = 0.998
MOVEMENT_HZ = (8, 16, 32)  # of movement, where averages are too weak
FRAME_RATE = 100.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is; stored in its checkpoint.

    Attributes:
        weights: Acoustic run to go on from.
        steps: Length of the schedule.
        share: Pull of the discriminators, as a part of the distance's.
        spread: 1 rewards the spread of two draws in full (the energy distance), 0 not
            at all.
        texture: Size of the noise; the voice is to speak with the same.
        batch: Sentences a step.
        alone: First steps, in which only the discriminators learn.
        pairs: Length of a window, in pairs of frames.
        rate: Peak learning rate of the decoder.
        judge_rate: Learning rate of the discriminators.
        seed: Of data order, noise and first weights.
        journal_every: Steps between two entries of the losses.
        score_every: Steps between two validations.
    """

    weights: str
    steps: int
    share: float
    spread: float
    texture: float
    batch: int
    alone: int
    pairs: int = 64
    rate: float = 2e-4
    judge_rate: float = 1e-3
    seed: int = 1
    journal_every: int = 50
    score_every: int = 500


def movement_ratios(real: Tensor, made: Tensor) -> dict[str, float]:
    """Energy of the bands' movement, made over recorded, by its frequency.

    Args:
        real: Log mel, ``(batch, N_MELS, frames)``.
        made: Same shape.
    """
    found = []
    for mel in (real, made):
        still = mel - mel.mean(-1, keepdim=True)
        found.append(torch.fft.rfft(still).abs().square().mean((0, 1)))
    hz = torch.fft.rfftfreq(real.shape[-1], 1 / FRAME_RATE)
    ratios = {}
    for low, high in itertools.pairwise(MOVEMENT_HZ):
        inside = (hz >= low) & (hz < high)
        a, b = (spectrum[inside].sum() for spectrum in found)
        ratios[f"movement_{low}_{high}_hz"] = float((b / a).sqrt())
    return ratios


def pull(loss: Tensor, made: Tensor) -> Tensor:
    """Gradient of a loss on made spectra."""
    return torch.autograd.grad(loss, made)[0]


class Sharpening:
    """A run in progress."""

    def __init__(self, plan: Plan, run: Path) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.run = plan, run
        start = load_checkpoint(Path(plan.weights) / "checkpoint.pt")
        if start is None:
            raise FileNotFoundError(f"no checkpoint in {plan.weights}")
        shape = start["shape"]
        assert isinstance(shape, dict)
        self.shape = AcousticShape(**shape)
        self.model = AcousticModel(self.shape)
        self.model.load_state_dict(average_weights(start), strict=False)
        self.model.eval().requires_grad_(False)
        self.model.decoder.requires_grad_(True)
        self.judges = Discriminators()
        self.average = MovingAverage(self.model, DECAY)
        self.optimiser, self.judging = (
            torch.optim.AdamW(net.parameters(), rate, betas=(0.5, 0.99), fused=True)
            for net, rate in (
                (self.model.decoder, plan.rate),
                (self.judges, plan.judge_rate),
            )
        )
        self.step = 0
        state = load_checkpoint(run / "checkpoint.pt")
        if state is not None:
            self._restore(state)

    def _parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        return {
            "net": self.model,
            "judges": self.judges,
            "optimiser": self.optimiser,
            "judging": self.judging,
        }

    def _restore(self, state: dict[str, object]) -> None:
        for name, part in self._parts().items():
            held = state[name]
            assert isinstance(held, dict)
            part.load_state_dict(held)
        self.average.weights = average_weights(state)
        step = state["step"]
        assert isinstance(step, int)
        self.step = step

    def save(self) -> None:
        """Write the checkpoint, which export reads as an acoustic run's."""
        state = {name: part.state_dict() for name, part in self._parts().items()}
        more = {
            "average": self.average.weights,
            "step": self.step,
            "shape": asdict(self.shape),
            "plan": asdict(self.plan),
        }
        save_checkpoint(self.run / "checkpoint.pt", state | more)

    def rate(self) -> float:
        """Learning rate of the decoder: a cosine to 5 % of the peak."""
        done = min(1.0, self.step / self.plan.steps)
        return self.plan.rate * (0.525 + 0.475 * math.cos(math.pi * done))

    @torch.no_grad()
    def windows(self, batch: list[Sentence], rng: np.random.Generator) -> Window:
        """Encode sentences and cut a window of each."""
        return cut_window(
            batch, self.model.encoder(collate(batch)), rng, self.plan.pairs
        )

    def made(self, w: Window, generator: torch.Generator, draws: int) -> Tensor:
        """Mel spectra of a window, ``(draws * batch, N_MELS, frames)``."""
        size, pairs = w.pitch.shape[0], w.pitch.shape[1] // PAIR
        noise = torch.randn((draws * size, pairs, NOISE), generator=generator)
        noise = noise * self.plan.texture
        known = (w.frames.encoded, w.frames.cues)
        frames = Frames(*(x.repeat(draws, 1, 1) for x in known))
        tracks = (x.repeat(draws, 1) for x in (w.pitch, w.voicing))
        mel: Tensor = self.model.decoder(frames, *tracks, noise)
        # Beyond a recording's end both are the same, and so say nothing.
        mask, real = (x.repeat(draws, 1, 1) for x in (w.mask[:, None], w.mel))
        return torch.where(mask > 0, mel, real)

    def advance(self, whole: list[Sentence], parts: list[Sentence]) -> dict[str, float]:
        """Take one step; returns the losses.

        Raises:
            FloatingPointError: Before the weights are spoilt by a loss that is not
                finite; the checkpoint holds an earlier state.
        """
        plan = self.plan
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        rng = step_generator(plan.seed, self.step)
        pools = [
            parts if rng.random() < CLAUSE_SHARE else whole for _ in range(plan.batch)
        ]
        window = self.windows([p[int(rng.integers(len(p)))] for p in pools], rng)
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        made = self.made(window, generator, 2)
        found = {"judged": self._judge(window.mel, made.detach().chunk(2)[0])}
        if self.step >= plan.alone:
            found |= self._sharpen(window, made)
        if not all(math.isfinite(value) for value in found.values()):
            raise FloatingPointError(f"a loss of step {self.step} is not finite")
        self.step += 1
        return found

    def _judge(self, real: Tensor, made: Tensor) -> float:
        error = self.judges.error(real, made)
        self.judging.zero_grad()
        torch.autograd.backward(error)
        self.judging.step()
        return error.item()

    def _sharpen(self, w: Window, made: Tensor) -> dict[str, float]:
        one, two = made.chunk(2)
        near = [patch_distance(w.mel, m, w.mask) for m in (one, two)]
        reward = self.plan.spread * patch_distance(one, two, w.mask)
        distance = near[0] + near[1] - reward
        blame, apart = self.judges.reproach(w.mel.repeat(2, 1, 1), made)
        towards, against = pull(distance, made), pull(blame + apart, made)
        weight = self.plan.share * towards.norm() / against.norm().clamp_min(1e-12)
        self.optimiser.zero_grad()
        torch.autograd.backward(made, towards + weight * against)
        nn.utils.clip_grad_norm_(self.model.decoder.parameters(), 2.0)
        self.optimiser.step()
        self.average.update(self.model, self.step)
        values = {
            "distance": distance,
            "plain": near[0],
            "blame": blame,
            "apart": apart,
            "weight": weight,
        }
        return {name: value.item() for name, value in values.items()}

    @torch.no_grad()
    def validate(self, kept: list[Sentence]) -> dict[str, float]:
        """The averaged weights on kept-back sentences: distance and movement."""
        weights = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.model.load_state_dict(self.average.weights)
        w = self.windows(kept, step_generator(self.plan.seed + 1, 0))
        made = self.made(w, torch.Generator().manual_seed(1), 1)
        self.model.load_state_dict(weights)
        plain = patch_distance(w.mel, made, w.mask).item()
        found = {"plain": plain} | movement_ratios(w.mel, made)
        return {f"kept_{name}": value for name, value in found.items()}


def train(t: Sharpening, cache: Path, minutes: float) -> None:
    """Run until the schedule or the time ends; leaves a checkpoint."""
    whole = load_sentences(cache, validation=False)
    kept = load_sentences(cache, validation=True)
    parts = [c for s in whole for c in clauses(s)]
    journal = Journal(t.run / "journal.jsonl")
    start = saved = time.perf_counter()
    recent: list[dict[str, float]] = []
    journal.write(step=t.step, **t.validate(kept))
    while t.step < t.plan.steps and time.perf_counter() - start < minutes * 60:
        recent.append(t.advance(whole, parts))
        if t.step % t.plan.journal_every == 0:
            last = recent[-1]
            means = {
                k: float(np.mean([r.get(k, np.nan) for r in recent])) for k in last
            }
            elapsed, cpu = time.perf_counter() - start, time.process_time()
            journal.write(step=t.step, elapsed_s=elapsed, cpu_s=cpu, **means)
            recent = []
        if t.step % t.plan.score_every == 0:
            journal.write(step=t.step, **t.validate(kept))
        if time.perf_counter() - saved > SAVE_EVERY_S:
            t.save()
            saved = time.perf_counter()
    t.save()
    journal.write(step=t.step, **t.validate(kept))


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--weights", required=True, help="acoustic run to go on from")
    parser.add_argument("--steps", type=int, default=4_500)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--share", type=float, default=3.0)
    parser.add_argument("--spread", type=float, default=0.0)
    parser.add_argument("--texture", type=float, default=0.3)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--alone", type=int, default=250)
    parser.add_argument("--threads", type=int, default=1)
    a = parser.parse_args(argv)
    torch.set_num_threads(a.threads)
    a.run.mkdir(parents=True, exist_ok=True)
    plan = Plan(a.weights, a.steps, a.share, a.spread, a.texture, a.batch, a.alone)
    train(Sharpening(plan, a.run), a.cache, a.minutes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
