"""A training run that may be stopped at any moment and goes on where it was.

A run is a folder: a checkpoint, renewed every minute, and a journal of its losses and
of scores on what is kept back. Each step depends on the seed and its number alone, so a
run that was cut takes the very steps of one that was not. Knows nothing of what is
trained, on what, or by which loss.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

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

SAVE_EVERY_S = 60
CHECKPOINT, JOURNAL = "checkpoint.pt", "journal.jsonl"

Net = TypeVar("Net", bound=nn.Module)


class Run(Generic[Net]):
    """A run in progress.

    Args:
        folder: Of the checkpoint and the journal.
        net: What is trained, with its first weights.
        optimiser: Of ``net``.
        decay: Of the moving average of its weights.
        described: More to be stored: what the run is, in plain values.

    Attributes:
        step: Steps taken.
        average: Of the weights; it is what is judged and shipped.
    """

    def __init__(
        self,
        folder: Path,
        net: Net,
        optimiser: torch.optim.Optimizer,
        decay: float,
        described: Mapping[str, object],
    ) -> None:
        self.folder, self.net, self.optimiser = folder, net, optimiser
        self.average = MovingAverage(net, decay)
        self.step = 0
        self._described = described

    def parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """What has a state of its own, by its name in the checkpoint."""
        return {"net": self.net, "optimiser": self.optimiser}

    def state(self) -> dict[str, object]:
        """What the checkpoint holds."""
        return {
            **{name: part.state_dict() for name, part in self.parts().items()},
            "average": self.average.weights,
            "step": self.step,
            **self._described,
        }

    def restore(self, state: Mapping[str, object]) -> None:
        """Be as the run was that wrote this state."""
        for name, part in self.parts().items():
            held = state[name]
            assert isinstance(held, dict)
            part.load_state_dict(held)
        self.average.weights = average_weights(state)
        step = state["step"]
        assert isinstance(step, int)
        self.step = step

    def resume(self, *others: Path) -> None:
        """Go on from the run's own checkpoint, else from the first other's."""
        for folder in (self.folder, *others):
            state = load_checkpoint(folder / CHECKPOINT)
            if state is not None:
                self.restore(state)
                return

    def save(self) -> None:
        """Write the checkpoint."""
        save_checkpoint(self.folder / CHECKPOINT, self.state())

    def descend(self, loss: Tensor, rate: float, longest: float) -> None:
        """Take a step down the gradient of a loss.

        Args:
            loss: Scalar.
            rate: Learning rate.
            longest: Norm that the gradient is cut to.

        Raises:
            FloatingPointError: Before the weights are spoilt by a loss that is not
                finite; the checkpoint holds an earlier state.
        """
        if not bool(torch.isfinite(loss)):
            raise FloatingPointError(f"the loss of step {self.step} is not finite")
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.net.parameters(), longest)
        self.optimiser.step()
        self.step += 1
        self.average.update(self.net, self.step)

    @contextmanager
    def averaged(self) -> Iterator[Net]:
        """The network with its averaged weights, to be judged, for as long as that."""
        weights = {k: v.clone() for k, v in self.net.state_dict().items()}
        training = self.net.training
        self.net.load_state_dict(self.average.weights)
        try:
            with torch.no_grad():
                yield self.net.eval()
        finally:
            self.net.load_state_dict(weights)
            self.net.train(training)


def falling(done: float, least: float) -> float:
    """Part of the peak learning rate: a cosine from 1 to ``least``.

    Args:
        done: Share of the schedule, 0 to 1.
        least: At its end.
    """
    return (1 + least) / 2 + (1 - least) / 2 * math.cos(math.pi * min(1.0, done))


def warming(step: int, steps: int) -> float:
    """Part of the learning rate in the first steps: it rises in a line."""
    return min(1.0, (step + 1) / steps)


def means(losses: list[Mapping[str, float]]) -> dict[str, float]:
    """Mean of each of the last step's losses; not a number if a step had none."""
    return {
        k: float(np.mean([each.get(k, math.nan) for each in losses]))
        for k in losses[-1]
    }


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long a run is and what is written down when, in steps.

    Attributes:
        steps: Length.
        journal_every: Between two entries of the mean losses.
        score_every: Between two scorings; 0 is never.
        score_first: Also before the first step.
        score_last: Also after the last.
    """

    steps: int
    journal_every: int
    score_every: int = 0
    score_first: bool = False
    score_last: bool = True


def carry_on(
    run: Run[Net],
    schedule: Schedule,
    minutes: float,
    advance: Callable[[float], Mapping[str, float]],
    score: Callable[[], Mapping[str, float]],
) -> None:
    """Take steps until the schedule or the time ends; leaves a checkpoint.

    Args:
        run: As it was stopped, or new.
        schedule: Of the whole run, the steps before included.
        minutes: Bound of the time from now on.
        advance: Takes one step, given the share of the time that is gone, and returns
            the losses by name.
        score: Judges the run on what is kept back.
    """
    journal = Journal(run.folder / JOURNAL)
    start = saved = time.perf_counter()
    recent: list[Mapping[str, float]] = []
    if schedule.score_first:
        journal.write(step=run.step, **score())
    while run.step < schedule.steps:
        gone = (time.perf_counter() - start) / (60 * minutes) if minutes > 0 else 1.0
        if gone >= 1:
            break
        recent.append(advance(gone))
        entry: dict[str, float] = {}
        if run.step % schedule.journal_every == 0:
            now = time.perf_counter()
            entry = {"elapsed_s": now - start, "cpu_s": time.process_time()}
            entry |= means(recent)
            recent = []
        if schedule.score_every and run.step % schedule.score_every == 0:
            entry |= score()
        if entry:
            journal.write(step=run.step, **entry)
        if time.perf_counter() - saved > SAVE_EVERY_S:
            run.save()
            saved = time.perf_counter()
    run.save()
    if schedule.score_last:
        journal.write(step=run.step, **score())


def command(about: str, source: str, steps: int) -> argparse.ArgumentParser:
    """The command line of a training: what all of them take.

    Args:
        about: The module's docstring.
        source: Name of what is learnt from.
        steps: Length of a run unless another is given.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    for name in dict.fromkeys((source, "run")):
        parser.add_argument(name, type=Path)
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--threads", type=int, default=1)
    return parser


def begin(
    parser: argparse.ArgumentParser, argv: list[str] | None
) -> argparse.Namespace:
    """Read the command line, and make the run's folder."""
    a = parser.parse_args(argv)
    torch.set_num_threads(a.threads)
    a.run.mkdir(parents=True, exist_ok=True)
    return a
