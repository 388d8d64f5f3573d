"""Sharpen the decoder: ``python -m scripts.voice.train_decoder CACHE RUN --weights A``.

Goes on from the acoustic run ``A``: encoder and contours stay, the decoder also learns
to pass for a recording before patch discriminators. How hard these pull is set by the
gradient: their pull on a made spectrum is a fixed share of the distance's. The result
is a run like an acoustic one, to be exported in its place. Resumable.
"""

from __future__ import annotations

import itertools
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from scripts.voice.checkpoint import average_weights, load_checkpoint
from scripts.voice.discriminators import Discriminators
from scripts.voice.features import step_generator
from scripts.voice.run import (
    CHECKPOINT,
    Run,
    Schedule,
    begin,
    carry_on,
    command,
    falling,
)
from scripts.voice.sentences import (
    CLAUSE_SHARE,
    Sentence,
    clauses,
    collate,
    load_sentences,
)
from scripts.voice.train_acoustic import Window, cut_window, patch_distance
from voiceserver.voice.acoustic import NOISE, PAIR, AcousticModel, AcousticShape, Frames

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


class Sharpening(Run[AcousticModel]):
    """A run in progress."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        start = load_checkpoint(Path(plan.weights) / CHECKPOINT)
        if start is None:
            raise FileNotFoundError(f"no checkpoint in {plan.weights}")
        shape = start["shape"]
        assert isinstance(shape, dict)
        net = AcousticModel(AcousticShape(**shape))
        net.load_state_dict(average_weights(start), strict=False)
        net.eval().requires_grad_(False)
        net.decoder.requires_grad_(True)
        self.judges = Discriminators()
        optimiser, self.judging = (
            torch.optim.AdamW(part.parameters(), rate, betas=(0.5, 0.99), fused=True)
            for part, rate in (
                (net.decoder, plan.rate),
                (self.judges, plan.judge_rate),
            )
        )
        described = {"shape": shape, "plan": asdict(plan)}
        super().__init__(folder, net, optimiser, DECAY, described)
        self.resume()

    def parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """The discriminators too; what is exported is as in an acoustic run."""
        return super().parts() | {"judges": self.judges, "judging": self.judging}

    def rate(self) -> float:
        """Learning rate of the decoder: a cosine to 5 % of the peak."""
        return self.plan.rate * falling(self.step / self.plan.steps, 0.05)

    @torch.no_grad()
    def windows(self, batch: list[Sentence], rng: np.random.Generator) -> Window:
        """Encode sentences and cut a window of each."""
        return cut_window(batch, self.net.encoder(collate(batch)), rng, self.plan.pairs)

    def made(self, w: Window, generator: torch.Generator, draws: int) -> Tensor:
        """Mel spectra of a window, ``(draws * batch, N_MELS, frames)``."""
        size, pairs = w.pitch.shape[0], w.pitch.shape[1] // PAIR
        noise = torch.randn((draws * size, pairs, NOISE), generator=generator)
        noise = noise * self.plan.texture
        known = (w.frames.encoded, w.frames.cues)
        frames = Frames(*(x.repeat(draws, 1, 1) for x in known))
        tracks = (x.repeat(draws, 1) for x in (w.pitch, w.voicing))
        mel: Tensor = self.net.decoder(frames, *tracks, noise)
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
        nn.utils.clip_grad_norm_(self.net.decoder.parameters(), 2.0)
        self.optimiser.step()
        self.average.update(self.net, self.step)
        values = {
            "distance": distance,
            "plain": near[0],
            "blame": blame,
            "apart": apart,
            "weight": weight,
        }
        return {name: value.item() for name, value in values.items()}

    def validate(self, kept: list[Sentence]) -> dict[str, float]:
        """The averaged weights on kept-back sentences: distance and movement."""
        with self.averaged():
            w = self.windows(kept, step_generator(self.plan.seed + 1, 0))
            made = self.made(w, torch.Generator().manual_seed(1), 1)
        plain = patch_distance(w.mel, made, w.mask).item()
        found = {"plain": plain} | movement_ratios(w.mel, made)
        return {f"kept_{name}": value for name, value in found.items()}


def train(t: Sharpening, cache: Path, minutes: float) -> None:
    """Run until the schedule or the time ends; leaves a checkpoint."""
    whole = load_sentences(cache, validation=False)
    kept = load_sentences(cache, validation=True)
    parts = [c for s in whole for c in clauses(s)]
    plan = t.plan
    carry_on(
        t,
        Schedule(plan.steps, plan.journal_every, plan.score_every, score_first=True),
        minutes,
        lambda _: t.advance(whole, parts),
        lambda: t.validate(kept),
    )


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = command(__doc__, "cache", steps=4_500)
    parser.add_argument("--weights", required=True, help="acoustic run to go on from")
    parser.add_argument("--share", type=float, default=3.0)
    parser.add_argument("--spread", type=float, default=0.0)
    parser.add_argument("--texture", type=float, default=0.3)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--alone", type=int, default=250)
    a = begin(parser, argv)
    plan = Plan(a.weights, a.steps, a.share, a.spread, a.texture, a.batch, a.alone)
    train(Sharpening(plan, a.run), a.cache, a.minutes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
