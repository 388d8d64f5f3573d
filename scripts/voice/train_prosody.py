"""Train the prosody net: ``python -m scripts.voice.train_prosody RUN PACKED...``.

It learns an hour of speech by heart within minutes, so it is small, forgets by dropout,
and what is kept is the average of its weights that was best on kept-back sentences.
Resumable like the vocoder's training.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from scripts.voice.checkpoint import average_weights
from scripts.voice.run import Run, Schedule, begin, carry_on, command, falling, warming
from scripts.voice.shelf import Shelf, load_packed
from voiceserver.voice.networks.acoustic import AcousticShape, prosody_net
from voiceserver.voice.networks.prosody import PROSODY, ProsodyNet

WARM_UP = 100  # steps
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
    net: ProsodyNet, shelf: Shelf, rows: Tensor, generator: torch.Generator | None
) -> Tensor:
    """Negative log likelihood of the true prosody; noisy history in training."""
    phones, prosody, _ = shelf.phones(rows)
    true = net.normalise(prosody, phones.speaker)
    before = functional.pad(true, (0, 0, 1, 0))[:, :-1]
    if generator is not None:
        before = before + BEFORE_NOISE * torch.randn(before.shape, generator=generator)
        kept = torch.rand(before.shape[:2], generator=generator) > BEFORE_DROP
        before = before * kept[..., None]
    likelihood = net(phones, before).log_likelihood(true) * phones.mask
    mean: Tensor = -likelihood.sum() / phones.mask.sum() / PROSODY
    return mean


class Training(Run[ProsodyNet]):
    """A run in progress.

    Attributes:
        best: The loss on kept sentences of the averaged weights that were best, and
            these; they are what is exported.
    """

    def __init__(self, plan: Plan, shape: AcousticShape, folder: Path) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        net = prosody_net(shape)
        optimiser = torch.optim.AdamW(
            net.parameters(), plan.rate, betas=(0.9, 0.98), weight_decay=0.1
        )
        described = {"shape": asdict(shape), "plan": asdict(plan)}
        super().__init__(folder, net, optimiser, 0.99, described)
        self.best = (math.inf, dict(self.average.weights))
        self.resume()

    def state(self) -> dict[str, object]:
        """The best weights stand where other runs have the newest."""
        loss, best = self.best
        newest = self.average.weights
        return super().state() | {"recent": newest, "average": best, "loss": loss}

    def restore(self, state: Mapping[str, object]) -> None:
        """Take up the best weights and the newest."""
        super().restore({**state, "average": state["recent"]})
        loss = state["loss"]
        assert isinstance(loss, float)
        self.best = (loss, average_weights(state))

    def fit_units(self, shelf: Shelf) -> None:
        """Set the units of prosody from the lessons, before the first step."""
        if self.step:
            return
        mean, scale = shelf.units(len(self.net.mean))
        for weights in (self.net.state_dict(), self.average.weights):
            weights["mean"].copy_(mean)
            weights["scale"].copy_(scale)

    def rate(self) -> float:
        """Learning rate: linear warm-up, then a cosine to 2 % of the peak."""
        part = falling(self.step / self.plan.steps, 0.02)
        return self.plan.rate * part * warming(self.step, WARM_UP)

    def advance(self, shelf: Shelf) -> float:
        """Take one step; returns the loss.

        Raises:
            FloatingPointError: If it is not finite.
        """
        seed = self.plan.seed * 1_000_003 + self.step
        torch.manual_seed(seed)  # of the rows and of dropout
        rows = shelf.draw(self.plan.batch)
        loss = prosody_loss(self.net, shelf, rows, torch.Generator().manual_seed(seed))
        self.descend(loss, self.rate(), 2.0)
        return loss.item()

    def validate(self, shelf: Shelf) -> float:
        """Loss of the averaged weights on kept-back sentences; keeps the best."""
        rows = shelf.kept_rows()
        with self.averaged() as net:
            loss = prosody_loss(net, shelf, rows, None).item()
        if loss < self.best[0]:
            copied = {k: v.clone() for k, v in self.average.weights.items()}
            self.best = (loss, copied)
        return loss


def train(t: Training, shelf: Shelf, minutes: float) -> None:
    """Run until the schedule or the time ends; leaves a checkpoint."""
    t.fit_units(shelf)

    def score() -> dict[str, float]:
        return {"kept_loss": t.validate(shelf), "best": t.best[0]}

    every = t.plan.score_every
    schedule = Schedule(t.plan.steps, every, every, score_last=False)
    carry_on(t, schedule, minutes, lambda _: {"loss": t.advance(shelf)}, score)


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = command(__doc__ or "", "run", steps=3000)
    parser.add_argument("packed", type=Path, nargs="+", help="lessons, one a speaker")
    parser.add_argument("--shares", type=float, nargs="+", help="of each speaker")
    a = begin(parser, argv)
    packed = [load_packed(path) for path in a.packed]
    shelf = Shelf(packed, a.shares or [1.0] * len(packed), torch.device("cpu"))
    shape = AcousticShape(speakers=len(packed))
    train(Training(Plan(a.steps), shape, a.run), shelf, a.minutes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
