"""Train the acoustic model: ``python -m scripts.voice.train_acoustic CACHE RUN``.

The encoder sees whole sentences or clauses; contour net and decoder see windows of
them. The prosody net is trained apart, by ``train_prosody``. The decoder is
trained on the energy distance between patches of mel spectra, with two draws of its
noise, so that it need not average. Resumable like the vocoder's training.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scripts.voice.checkpoint import average_weights, load_checkpoint
from scripts.voice.features import step_generator
from scripts.voice.run import (
    CHECKPOINT,
    Run,
    Schedule,
    begin,
    carry_on,
    command,
    falling,
    warming,
)
from scripts.voice.sentences import Sentence, clauses, collate, draw, load_sentences
from voiceserver.voice.acoustic import (
    NOISE,
    PAIR,
    AcousticModel,
    AcousticShape,
    Frames,
    spread,
)

WARM_UP = 200  # steps
PATCHES = ((1, 1), (5, 4), (16, 8))  # mel bands, frames


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is; stored in its checkpoint.

    Attributes:
        steps: Length of the schedule.
        batch: Sentences a step.
        pairs: Length of the decoder's window, in pairs of frames.
        rate: Peak learning rate.
        two_draws_from: Share of the schedule after which the energy distance is used;
            before it the plain distance, which costs half.
        weights: Run whose weights to begin from, "" for none.
        seed: Of data order, noise and first weights.
        journal_every: Steps between two entries of the losses.
        score_every: Steps between two validations.
    """

    steps: int
    batch: int = 10
    pairs: int = 80
    rate: float = 1.2e-3
    two_draws_from: float = 0.5
    weights: str = ""
    seed: int = 1
    journal_every: int = 50
    score_every: int = 500


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a batch that contour net and decoder are trained on.

    Attributes:
        frames: Cues of ``2 * pairs`` frames.
        mel: ``(batch, N_MELS, frames)``.
        pitch: ``(batch, frames)``.
        voicing: ``(batch, frames)``.
        mask: 1 where the recording is, ``(batch, frames)``.
    """

    frames: Frames
    mel: Tensor
    pitch: Tensor
    voicing: Tensor
    mask: Tensor


def _padded(x: Tensor, first: int, frames: int) -> Tensor:
    """Frames of the last dimension from ``first`` on, zeros beyond the end."""
    part = x[..., first : first + frames]
    return functional.pad(part, (0, frames - part.shape[-1]))


def cut_window(
    sentences: list[Sentence], encoded: Tensor, rng: np.random.Generator, pairs: int
) -> Window:
    """Cut a random window of each sentence, beginning on an even frame."""
    frames = pairs * PAIR
    columns: list[tuple[Tensor, ...]] = []
    for s, e in zip(sentences, encoded, strict=True):
        total = s.mel.shape[1]
        room = max(0, total - frames) // PAIR
        first = int(rng.integers(room + 1)) * PAIR
        whole = spread(e[: len(s.lengths)], s.prosody, s.lengths)
        columns.append(
            (
                _padded(whole.encoded.T, first, frames).T,
                _padded(whole.cues.T, first, frames).T,
                _padded(s.mel, first, frames),
                _padded(s.pitch, first, frames),
                _padded(s.voicing, first, frames),
                _padded(torch.ones(total), first, frames),
            )
        )
    e, c, mel, pitch, voicing, mask = (
        torch.stack(column) for column in zip(*columns, strict=True)
    )
    return Window(Frames(e, c), mel, pitch, voicing, mask)


def patch_distance(a: Tensor, b: Tensor, mask: Tensor) -> Tensor:
    """Mean Euclidean distance of patches of several sizes, in log mel units."""
    squared = (a - b).square() * mask[:, None]
    total = torch.zeros(())
    for size in PATCHES:
        pooled = functional.avg_pool2d(squared[:, None], size)
        total = total + (pooled + 1e-6).sqrt().mean()
    mean: Tensor = total / len(PATCHES) / mask.mean()
    return mean


def contour_loss(model: AcousticModel, w: Window) -> tuple[Tensor, Tensor]:
    """Error of log F0, weighted by voicing, and cross entropy of voicing."""
    pitch, voicing = model.contour.logits(w.frames)
    weight = w.voicing * w.mask
    bend = ((pitch - w.pitch).abs() * weight).sum() / weight.sum().clamp_min(1)
    # Not an absolute error: its gradient dies where the sigmoid is saturated.
    missed = functional.binary_cross_entropy_with_logits(
        voicing, w.voicing, weight=w.mask, reduction="sum"
    )
    return bend, missed / w.mask.sum()


def decoder_loss(
    model: AcousticModel, w: Window, generator: torch.Generator, draws: int
) -> tuple[Tensor, Tensor]:
    """Distance of the decoder's mel spectra to the true ones, and the plain one."""
    size, pairs = w.pitch.shape[0], w.pitch.shape[1] // PAIR
    noise = torch.randn((draws * size, pairs, NOISE), generator=generator)
    frames = Frames(
        w.frames.encoded.repeat(draws, 1, 1), w.frames.cues.repeat(draws, 1, 1)
    )
    made = model.decoder(
        frames, w.pitch.repeat(draws, 1), w.voicing.repeat(draws, 1), noise
    ).chunk(draws)
    near = [patch_distance(w.mel, m, w.mask) for m in made]
    plain = near[0].detach()
    if draws == 1:
        return near[0], plain
    return near[0] + near[1] - patch_distance(made[0], made[1], w.mask), plain


def begin_from(net: AcousticModel, other: Path) -> None:
    """Take the averaged weights of another run, but for its prosody.

    Raises:
        FileNotFoundError: If it has no checkpoint.
    """
    state = load_checkpoint(other / CHECKPOINT)
    if state is None:
        raise FileNotFoundError(f"no checkpoint in {other}")
    weights = average_weights(state)
    own = {k: v for k, v in weights.items() if not k.startswith("prosody.")}
    net.load_state_dict(net.state_dict() | own)


class Training(Run[AcousticModel]):
    """A run in progress."""

    def __init__(self, plan: Plan, shape: AcousticShape, folder: Path) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        net = AcousticModel(shape)
        if plan.weights:
            begin_from(net, Path(plan.weights))
        optimiser = torch.optim.AdamW(
            net.parameters(),
            plan.rate,
            betas=(0.9, 0.98),
            weight_decay=0.02,
            fused=True,
        )
        described = {"shape": asdict(shape), "plan": asdict(plan)}
        super().__init__(folder, net, optimiser, 0.998, described)
        self.resume()

    def rate(self) -> float:
        """Learning rate: linear warm-up, then a cosine to 2 % of the peak."""
        part = falling(self.step / self.plan.steps, 0.02)
        return self.plan.rate * part * warming(self.step, WARM_UP)

    def losses(
        self, sentences: list[Sentence], rng: np.random.Generator, training: bool
    ) -> dict[str, Tensor]:
        """All losses of a batch, by name; ``plain`` is only to watch."""
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        phones = collate(sentences)
        encoded = self.net.encoder(phones)
        window = cut_window(sentences, encoded, rng, self.plan.pairs)
        late = self.step >= self.plan.two_draws_from * self.plan.steps
        mel, plain = decoder_loss(
            self.net, window, generator, 2 if late and training else 1
        )
        bend, voicing = contour_loss(self.net, window)
        return {
            "mel": mel,
            "plain": plain,
            "bend": bend,
            "voicing": voicing,
        }

    def advance(self, whole: list[Sentence], parts: list[Sentence]) -> dict[str, float]:
        """Take one step; returns the losses.

        Raises:
            FloatingPointError: If their sum is not finite.
        """
        rng = step_generator(self.plan.seed, self.step)
        batch = draw(whole, parts, self.plan.batch, rng)
        torch.manual_seed(int(rng.integers(1 << 62)))  # dropout
        found = self.losses(batch, rng, True)
        total = found["mel"] + 4 * found["bend"] + found["voicing"]
        self.descend(total, self.rate(), 2.0)
        return {name: value.item() for name, value in found.items()}

    def validate(self, kept: list[Sentence]) -> dict[str, float]:
        """Losses of the averaged weights on kept-back sentences, one draw."""
        rng = step_generator(self.plan.seed + 1, 0)
        batches = [kept[i : i + 20] for i in range(0, len(kept), 20)]
        with self.averaged():
            rows = [self.losses(batch, rng, False) for batch in batches]
        return {
            f"kept_{k}": float(np.mean([r[k].item() for r in rows])) for k in rows[0]
        }


def train(t: Training, cache: Path, minutes: float) -> None:
    """Run until the schedule or the time ends; leaves a checkpoint."""
    whole = load_sentences(cache, validation=False)
    kept = load_sentences(cache, validation=True)
    parts = [c for s in whole for c in clauses(s)]
    carry_on(
        t,
        Schedule(t.plan.steps, t.plan.journal_every, t.plan.score_every),
        minutes,
        lambda _: t.advance(whole, parts),
        lambda: t.validate(kept),
    )


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = command(__doc__, "cache", steps=20_000)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=80, help="decoder's window")
    parser.add_argument("--rate", type=float, default=1.2e-3)
    parser.add_argument("--weights", default="", help="run to begin from")
    parser.add_argument("--two-draws-from", type=float, default=0.5)
    a = begin(parser, argv)
    plan = Plan(a.steps, a.batch, a.pairs, a.rate, a.two_draws_from, a.weights)
    train(Training(plan, AcousticShape(), a.run), a.cache, a.minutes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
